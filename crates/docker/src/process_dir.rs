//! The directory of this process that the containers of a daemon on this machine have parts of: sockets that guests
//! connect to, a file of host names, and files that the daemon reads by their path.
//!
//! The directory is this process's own. So nobody else on the machine reaches what is in it.

use std::{
    env, fs,
    fs::{File, Permissions},
    io::{self, Write as _},
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use isol8_backend::HOSTS;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::UnixListener;

/// The name of a socket in a directory until it has its own.
const NEW_SOCKET: &str = "link";

/// The file of these names in a directory.
const HOSTS_FILE: &str = "hosts";

/// How the names of the sockets' directories begin.
const PREFIX: &str = "isol8-link-";

/// Age at which a directory whose owner does not live is removed. A younger one may be about to be
/// locked.
const SWEEP_GRACE: Duration = Duration::from_mins(1);

/// How often making the directory is tried, should another process remove it as abandoned.
const ATTEMPTS: usize = 3;

/// Where the sockets and the host names of this process are.
pub(crate) struct Directory {
    dir: TempDir,
    /// The directory itself, locked as long as the process lives. Ids of processes are given again, locks
    /// are not.
    lock: File,
    /// How many sockets there have been. Held while one is being made.
    count: Mutex<u64>,
}

impl Directory {
    /// That of this process, made when it is needed and removed with its last user.
    pub(crate) fn of_this_process() -> io::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Directory>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        // What is old in a place for temporary files may be removed by others.
        if let Some(known) = shared.upgrade().filter(|known| known.hosts().is_file()) {
            return Ok(known);
        }
        let made = Arc::new(Self::make()?);
        *shared = Arc::downgrade(&made);
        Ok(made)
    }

    fn make() -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for place in places() {
            outcome = Self::make_in(&place);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn make_in(place: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let dir = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(place)?;
            let lock = File::open(dir.path())?;
            // Without the lock, or locked when it is removed already: another process took it for
            // abandoned, as the clock was changed.
            if lock.try_lock().is_ok() && dir.path().is_dir() {
                let made = Self {
                    dir,
                    lock,
                    count: Mutex::default(),
                };
                fs::write(made.hosts(), HOSTS)?;
                fs::set_permissions(made.hosts(), Permissions::from_mode(0o444))?;
                return Ok(made);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// A new socket and its path.
    pub(crate) fn bind(&self) -> io::Result<(UnixListener, PathBuf)> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        let path = self.dir.path().join(count.to_string());
        // Programs read the path that a socket was bound to in their `/proc/net/unix`. This one says
        // nothing of the host, and it is always short enough for the system.
        let place = Path::new("/proc/self/fd").join(self.lock.as_raw_fd().to_string());
        match UnixListener::bind(place.join(NEW_SOCKET)) {
            Ok(socket) => {
                fs::rename(self.dir.path().join(NEW_SOCKET), &path)?;
                Ok((socket, path))
            }
            // A system without `/proc`.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok((UnixListener::bind(&path)?, path))
            }
            Err(error) => Err(error),
        }
    }

    /// The file of host names.
    pub(crate) fn hosts(&self) -> PathBuf {
        self.dir.path().join(HOSTS_FILE)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Where directories of sockets may be, the best first.
fn places() -> impl Iterator<Item = PathBuf> {
    let own = env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
    own.map(PathBuf::from).into_iter().chain([env::temp_dir()])
}

/// Removes what killed processes left.
pub(crate) fn sweep() {
    for place in places() {
        let Ok(entries) = fs::read_dir(&place) else {
            continue;
        };
        let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
        for entry in entries.filter_map(Result::ok).filter(named) {
            if is_abandoned(&entry.path(), SystemTime::now())
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::debug!(%error, path = %entry.path().display(), "sockets stay");
            }
        }
    }
}

/// Whether the process that made the directory `path` has ended. Others' are not opened.
fn is_abandoned(path: &Path, now: SystemTime) -> bool {
    let Ok(found) = path.symlink_metadata() else {
        return false;
    };
    let old = found
        .modified()
        .is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age >= SWEEP_GRACE));
    found.is_dir()
        && old
        && fs::metadata("/proc/self").is_ok_and(|own| own.uid() == found.uid())
        && File::open(path).is_ok_and(|dir| dir.try_lock().is_ok())
}

/// A file in the directory of this process that a daemon on this machine reads by its path. It exists at least as long
/// as this value.
pub(crate) struct SharedFile {
    path: PathBuf,
    _directory: Arc<Directory>,
}

impl SharedFile {
    /// A file of this content. Equal contents share one.
    pub(crate) fn new(content: &str) -> io::Result<Self> {
        let directory = Directory::of_this_process()?;
        let digest = hex::encode(Sha256::digest(content));
        let path = directory.dir.path().join(format!("file-{digest}"));
        if !path.is_file() {
            let mut file = NamedTempFile::new_in(directory.dir.path())?;
            file.write_all(content.as_bytes())?;
            file.persist(&path)?;
        }
        Ok(Self {
            path,
            _directory: directory,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_directories_of_dead_processes_are_abandoned() {
        let directory = Directory::make().unwrap();
        let path = directory.dir.path().to_owned();
        let later = SystemTime::now() + SWEEP_GRACE;
        assert!(!is_abandoned(&path, later));
        let Directory { dir, lock, .. } = directory;
        drop(lock);
        assert!(!is_abandoned(&path, SystemTime::now()));
        assert!(is_abandoned(&path, later));
        drop(dir);
        assert!(!is_abandoned(&path, later));
    }
}

//! A socket of the file system: who may use it, and what becomes of one that is there already.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixSocket, UnixStream},
    time::Instant,
};

/// Who may connect: the user of the server alone.
const MODE: u32 = 0o600;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long a server that has the socket may take to accept a connection. One that is busy has it as well.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// How long other servers may have the lock on the folder. Whoever can read the folder can have it for ever.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How long a server waits before it tries again to have the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why a server cannot listen on a socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process listens on it.
    #[error("Cannot listen on the socket {}: another program uses it. End that program, or choose another path", .0.display())]
    InUse(PathBuf),
    /// Something else has this path.
    #[error("Cannot listen on the socket {}: there is something else with this path. Remove it, or choose another path", .0.display())]
    NoSocket(PathBuf),
    /// Another process has the lock on the folder.
    #[error("Cannot listen on the socket {}: another program has locked the folder {} for {} s. End that program, or choose another folder", path.display(), folder.display(), LOCK_PATIENCE.as_secs())]
    Locked {
        /// The path.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The system refuses it.
    #[error("Cannot listen on the socket {}: {cause}", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// A socket of the file system on which a server listens. Dropping it removes the file, unless another one has taken its
/// place.
#[derive(Debug)]
pub struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
}

impl SocketFile {
    /// Listens on the socket `path`, which only this user may use. One that nobody listens on any more is replaced. Nothing
    /// else is ever removed.
    pub async fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |cause| SocketError::System {
            path: path.to_owned(),
            cause,
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Two servers that start at the same time must not remove each other's socket.
        let file = File::open(folder).map_err(failed)?;
        if !lock(&file).await.map_err(failed)? {
            return Err(SocketError::Locked {
                path: path.to_owned(),
                folder: folder.to_owned(),
            });
        }
        let listener = match listen(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_unused(path).await?;
                listen(path)
            }
            bound => bound,
        };
        let listener = listener.map_err(failed)?;
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            file: (metadata.dev(), metadata.ino()),
        })
    }

    /// The path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.file);
        if is_own && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket is left over");
        }
    }
}

/// Locks a folder until its file is closed. Returns whether that was possible in time.
async fn lock(folder: &File) -> io::Result<bool> {
    let end = Instant::now() + LOCK_PATIENCE;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(cause)) => return Err(cause),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(false),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    // On Linux the file gets the mode of the socket, so that at no moment somebody else may connect. Elsewhere this
    // fails.
    let file = File::from(socket.as_fd().try_clone_to_owned()?);
    let is_restricted = file.set_permissions(Permissions::from_mode(MODE)).is_ok();
    socket.bind(path)?;
    if !is_restricted || fs::symlink_metadata(path)?.mode() & 0o777 != MODE {
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
    }
    socket.listen(BACKLOG)
}

/// Removes a socket that nobody listens on.
async fn remove_unused(path: &Path) -> Result<(), SocketError> {
    let failed = |cause| SocketError::System {
        path: path.to_owned(),
        cause,
    };
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NoSocket(path.to_owned()));
    }
    let connected = tokio::time::timeout(PROBE_PATIENCE, UnixStream::connect(path)).await;
    match connected {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(failed(error)),
        _ => Err(SocketError::InUse(path.to_owned())),
    }
}

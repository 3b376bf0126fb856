//! A share of the users, which no other spawner on this machine has. A lock on a file stands for the share. It ends with
//! the process that holds it. Only its owner can write to the directory of these files, so nobody else can take a share.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use isol8_backend::BackendError;

use crate::users::{Users, unavailable};

/// A share. It is given back when this value is dropped.
pub(super) struct Share {
    /// The first user, as the spawner sees it.
    pub(super) first: u32,
    /// How many users.
    pub(super) count: u32,
    _lock: File,
}

impl Share {
    /// Takes a share that nobody has.
    pub(super) fn take(users: &Users) -> Result<Self, BackendError> {
        Self::take_in(&directory()?, users)
    }

    fn take_in(directory: &Path, users: &Users) -> Result<Self, BackendError> {
        for number in 0..users.shares() {
            let path = directory.join(number.to_string());
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path);
            let failed = |error: io::Error| no_lock(&path, &error);
            let lock = file.map_err(failed)?;
            match lock.try_lock() {
                Ok(()) => {
                    let (first, count) = users.share(number);
                    return Ok(Self {
                        first,
                        count,
                        _lock: lock,
                    });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(unavailable(
            "other processes use all subordinate ids. A larger range in /etc/subuid and /etc/subgid allows more.",
        ))
    }
}

fn no_lock(path: &Path, error: &io::Error) -> BackendError {
    unavailable(format!(
        "no users can be set aside: {}: {error}",
        path.display()
    ))
}

/// The directory of the locks. Where the system has a directory for running programs of the user, all processes of the
/// user have the same one, whatever their environment.
fn directory() -> Result<PathBuf, BackendError> {
    let user = rustix::process::geteuid().as_raw();
    let places = places(user, |name| std::env::var_os(name).map(PathBuf::from));
    first_own(&places, user)
}

/// Where that directory may be, the best place first.
fn places(user: u32, variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let running = if user == 0 {
        PathBuf::from("/run")
    } else {
        PathBuf::from(format!("/run/user/{user}"))
    };
    let variable = |name| variable(name).filter(|path| path.is_absolute());
    let of_environment = (user != 0).then(|| {
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        [variable("XDG_RUNTIME_DIR"), cache]
    });
    let of_environment = of_environment.into_iter().flatten().flatten();
    [running]
        .into_iter()
        .chain(of_environment)
        .map(|place| place.join("isol8/users"))
        .chain([PathBuf::from(format!("/tmp/isol8-users-{user}"))])
        .collect()
}

/// The first of the places where this user has a directory that nobody else can write to, made if need be.
fn first_own(places: &[PathBuf], user: u32) -> Result<PathBuf, BackendError> {
    let mut failures = Vec::new();
    for place in places {
        match own(place, user) {
            Ok(()) => return Ok(place.clone()),
            Err(error) => failures.push(format!("{}: {error}", place.display())),
        }
    }
    Err(unavailable(format!(
        "no directory for the locks on their users can be had ({}). Set XDG_RUNTIME_DIR or HOME to a directory that \
         this user owns.",
        failures.join("; ")
    )))
}

fn own(place: &Path, user: u32) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(place)?;
    let found = place.symlink_metadata()?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write there"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn each_share_is_taken_once_and_again_after_its_end() {
        let place = tempfile::tempdir().unwrap();
        let take = || Share::take_in(place.path(), &Users::Root).unwrap();
        let (first, second) = (take(), take());
        assert_ne!(first.first, second.first);
        let freed = first.first;
        drop(first);
        assert_eq!(take().first, freed);
    }

    #[test]
    fn a_directory_of_others_or_for_others_holds_no_locks() {
        let place = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().as_raw();
        let path = |name: &str| place.path().join(name);
        fs::create_dir(path("open")).unwrap();
        fs::set_permissions(path("open"), fs::Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(path("own")).unwrap();
        symlink(path("own"), path("link")).unwrap();
        let bad = [path("open"), path("link")];
        let error = first_own(&bad, user).unwrap_err();
        assert!(error.message.contains("XDG_RUNTIME_DIR"), "{error}");
        let [open, link] = bad;
        let places = [open, link, path("made/by/us")];
        assert_eq!(first_own(&places, user).unwrap(), path("made/by/us"));
        assert!(first_own(&[path("own")], user + 1).is_err());
    }

    #[test]
    fn the_environment_of_root_moves_no_locks_and_that_of_a_user_comes_after_the_system() {
        let variable = |name: &str| Some(PathBuf::from(format!("/of/{name}")));
        let text = |user| {
            let places = places(user, variable);
            places
                .iter()
                .map(|it| it.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(text(0), ["/run/isol8/users", "/tmp/isol8-users-0"]);
        let expected = [
            "/run/user/7/isol8/users",
            "/of/XDG_RUNTIME_DIR/isol8/users",
            "/of/XDG_CACHE_HOME/isol8/users",
            "/tmp/isol8-users-7",
        ];
        assert_eq!(text(7), expected);
    }
}

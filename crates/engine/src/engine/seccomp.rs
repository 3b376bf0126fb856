//! The system call profile of an engine's sandboxes. A file with a custom profile is read when the engine is made.
//! It is read again only when it has changed.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use isol8_backend::SeccompProfile;

use crate::{error::EngineError, options::Seccomp};

/// The profile of an engine's sandboxes.
pub(super) enum Profile {
    /// One that comes with the library.
    BuiltIn(SeccompProfile),
    /// The one in a file.
    File(PathBuf, Mutex<Reading>),
}

impl Profile {
    /// The profile that `option` names. Reads the file of a custom one. A failure is returned by
    /// [`current`](Self::current).
    pub(super) fn new(option: &Seccomp) -> Self {
        match option {
            Seccomp::Strict => Self::BuiltIn(SeccompProfile::Strict),
            Seccomp::Unconfined => Self::BuiltIn(SeccompProfile::Unconfined),
            Seccomp::Custom(path) => Self::File(path.clone(), Mutex::new(Reading::of(path))),
        }
    }

    /// The profile for the next sandbox. For a custom one, asks the system whether its file has changed.
    pub(super) fn current(&self) -> Result<SeccompProfile, EngineError> {
        let (path, reading) = match self {
            Self::BuiltIn(profile) => return Ok(profile.clone()),
            Self::File(path, reading) => (path, reading),
        };
        let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.version != Version::of(path) {
            tracing::debug!(path = %path.display(), "the seccomp profile has changed");
            *reading = Reading::of(path);
        }
        reading
            .profile
            .clone()
            .map_err(|reason| EngineError::SeccompProfile {
                path: path.display().to_string(),
                reason,
            })
    }
}

/// What was read from a file, and from which version of it.
pub(super) struct Reading {
    /// `None` when there was no file.
    version: Option<Version>,
    profile: Result<SeccompProfile, String>,
}

impl Reading {
    fn of(path: &Path) -> Self {
        // The version first. If the file changes in between, the next sandbox sees another version.
        let version = Version::of(path);
        Self {
            version,
            profile: SeccompProfile::load(path),
        }
    }
}

/// Tells two versions of a file apart: by its identity, its length, and its times in nanoseconds. The time of the
/// last change of the inode cannot be set back.
#[derive(PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|file| Self::from(&file))
    }
}

impl From<&Metadata> for Version {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::*;

    fn text(profile: &Profile) -> Arc<str> {
        match profile.current().unwrap() {
            SeccompProfile::Custom(text) => text,
            other => panic!("{other:?} is not custom"),
        }
    }

    #[test]
    fn a_custom_profile_is_read_again_only_when_its_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.json");
        let write = |action: &str| {
            // In the place of the old file, as careful writers do.
            let new = folder.path().join("new.json");
            fs::write(&new, format!(r#"{{"defaultAction": "{action}"}}"#)).unwrap();
            fs::rename(new, &path).unwrap();
        };
        write("SCMP_ACT_ERRNO");
        let profile = Profile::new(&Seccomp::Custom(path.clone()));
        let first = text(&profile);
        assert!(Arc::ptr_eq(&first, &text(&profile)), "read once more");
        write("SCMP_ACT_ALLOW");
        let second = text(&profile);
        assert!(second.contains("SCMP_ACT_ALLOW"));
        assert!(Arc::ptr_eq(&second, &text(&profile)), "read once more");
    }

    #[test]
    fn what_is_too_large_or_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.json");
        let text = r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#;
        fs::write(&path, text.to_owned() + &" ".repeat(1 << 20)).unwrap();
        let reason = |path: &Path| SeccompProfile::load(path).unwrap_err();
        assert_eq!(reason(&path), "it has more than 1048576 bytes");
        assert_eq!(reason(Path::new("/dev/zero")), "it is no regular file");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_an_error_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.json");
        let profile = Profile::new(&Seccomp::Custom(path.clone()));
        let start = format!(
            "Failed to load custom seccomp profile at {}: ",
            path.display()
        );
        let fails = || {
            let message = profile.current().unwrap_err().to_string();
            assert!(message.starts_with(&start), "{message}");
        };
        fails();
        fs::write(&path, "{}").unwrap();
        fails();
        fs::write(&path, r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#).unwrap();
        assert!(profile.current().is_ok());
        fs::remove_file(&path).unwrap();
        fails();
    }
}

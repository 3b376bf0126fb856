//! The key that `isol8 login` keeps.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The file, as messages name it.
pub(crate) const SHOWN: &str = "~/.isol8/credentials.json";

/// A key and the server that it is for. `Debug` does not exist: it has the key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials {
    pub(crate) host: String,
    pub(crate) token: String,
    /// In ISO 8601.
    pub(crate) expires_at: String,
    pub(crate) key_id: String,
}

impl Credentials {
    /// Whether the key has ended. A time that cannot be read never comes.
    pub(crate) fn have_expired(&self, now: Timestamp) -> bool {
        let expires: Result<Timestamp, _> = self.expires_at.parse();
        expires.is_ok_and(|expires| expires <= now)
    }
}

/// The file of credentials in a home directory.
pub(crate) struct CredentialsFile(PathBuf);

impl CredentialsFile {
    /// That of this user; none without a home directory.
    pub(crate) fn of_user() -> Option<Self> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(Self::in_home(Path::new(&home)))
    }

    fn in_home(home: &Path) -> Self {
        Self(home.join(".isol8/credentials.json"))
    }

    /// What it holds; none when it is not there.
    pub(crate) fn load(&self) -> Result<Option<Credentials>, Failure> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(cause) if is_missing(&cause) => return Ok(None),
            Err(cause) => return Err(self.failed("read", cause)),
        };
        let read = serde_json::from_slice(&text);
        read.map(Some)
            .map_err(|cause| self.failed("read", cause.into()))
    }

    /// Replaces what it holds. Only this user can read it.
    pub(crate) fn save(&self, credentials: &Credentials) -> Result<(), Failure> {
        self.write(credentials)
            .map_err(|cause| self.failed("write", cause))
    }

    fn write(&self, credentials: &Credentials) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
        // Complete before it has its name, and never readable for others: a new file has mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let owner_only = fs::Permissions::from_mode(0o600);
        file.as_file().set_permissions(owner_only)?;
        let mut json = serde_json::to_vec_pretty(credentials)?;
        json.push(b'\n');
        file.write_all(&json)?;
        file.persist(&self.0).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes it. Whether it was there.
    pub(crate) fn remove(&self) -> Result<bool, Failure> {
        match fs::remove_file(&self.0) {
            Ok(()) => Ok(true),
            Err(cause) if is_missing(&cause) => Ok(false),
            Err(cause) => Err(self.failed("remove", cause)),
        }
    }

    fn failed(&self, what: &str, cause: io::Error) -> Failure {
        Failure::input_output(format!("Cannot {what} {}", self.0.display()), cause)
    }
}

fn is_missing(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(expires_at: &str) -> Credentials {
        Credentials {
            host: "http://a".to_owned(),
            token: "isol8_1".to_owned(),
            expires_at: expires_at.to_owned(),
            key_id: "k".to_owned(),
        }
    }

    #[test]
    fn they_are_kept_for_one_user_only() {
        let home = tempfile::tempdir().unwrap();
        let file = CredentialsFile::in_home(home.path());
        assert!(file.load().unwrap().is_none());
        assert!(!file.remove().unwrap());
        file.save(&credentials("x")).unwrap();
        fs::set_permissions(&file.0, fs::Permissions::from_mode(0o666)).unwrap();
        file.save(&credentials("y")).unwrap();
        let mode = fs::metadata(&file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let folder = fs::metadata(home.path().join(".isol8")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        let read = file.load().unwrap().unwrap();
        assert_eq!((&*read.expires_at, &*read.token), ("y", "isol8_1"));
        assert!(file.remove().unwrap());
        fs::write(&file.0, "{").unwrap();
        assert!(file.load().is_err());
    }

    #[test]
    fn they_end() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for (expires_at, expired) in [
            ("2025-12-31T23:59:59.999Z", true),
            ("2026-01-01T00:00:00.000Z", true),
            ("2026-01-01T00:00:00.001Z", false),
            ("never", false),
        ] {
            let credentials = credentials(expires_at);
            assert_eq!(credentials.have_expired(now), expired, "{expires_at}");
        }
    }
}

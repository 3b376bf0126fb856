//! Where a database is: as operators write it, and as its driver takes it.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{error::KeyStoreError, statements::Statements};

/// Prefixes of addresses that are no path.
const SCHEMES: [(&str, &Statements); 4] = [
    ("postgres://", &Statements::POSTGRES),
    ("postgresql://", &Statements::POSTGRES),
    ("mysql://", &Statements::MYSQL),
    ("mariadb://", &Statements::MYSQL),
];

/// A database.
pub(crate) struct Address {
    /// As its driver takes it. It may have a password.
    pub(crate) url: String,
    /// The statements of its kind.
    pub(crate) statements: &'static Statements,
}

impl Address {
    /// Reads an address: a URL of PostgreSQL or MySQL, or the path of a SQLite file. The file and its folder are made when
    /// they are missing; only this user may read them then.
    pub(crate) fn prepare(text: &str) -> Result<Self, KeyStoreError> {
        let text = text.trim();
        let known = SCHEMES.iter().find(|(scheme, _)| text.starts_with(scheme));
        if let Some((_, statements)) = known {
            return Ok(Self {
                url: text.to_owned(),
                statements,
            });
        }
        let path = ["sqlite://", "sqlite:"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(KeyStoreError::Address);
        }
        let path = std::path::absolute(path).and_then(|path| create(&path).map(|()| path));
        let path = path.map_err(|cause| KeyStoreError::File {
            path: text.to_owned(),
            cause,
        })?;
        Ok(Self {
            url: sqlite_url(&path),
            statements: &Statements::SQLITE,
        })
    }
}

fn create(path: &PathBuf) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)?;
    Ok(())
}

/// The URL of a file. Everything but letters, digits and slashes is encoded.
fn sqlite_url(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold("sqlite://".to_owned(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || *byte == b'/' {
            url.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a b?c#%.db");
        let address = Address::prepare(path.to_str().unwrap()).unwrap();
        assert!(path.is_file());
        let url = address.url;
        assert!(url.ends_with("/new/a%20b%3Fc%23%25%2Edb"), "{url}");
        for url in ["postgres://a@b/c", "postgresql://a@b/c", "mysql://a@b/c"] {
            assert_eq!(Address::prepare(url).unwrap().url, url);
        }
        for text in ["", "  ", "mongodb://a/b", "sqlite:"] {
            let refused = Address::prepare(text).err();
            assert!(matches!(refused, Some(KeyStoreError::Address)), "{text}");
        }
    }
}

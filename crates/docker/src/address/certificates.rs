//! Certificates of a TLS connection to a daemon.

use std::path::{Path, PathBuf};

use super::AddressError;

/// Certificates, as the caller gave them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// Files.
    Files(TlsFiles),
    /// PEM texts.
    Texts {
        /// CA certificate.
        ca: String,
        /// Client certificate.
        cert: String,
        /// Client key.
        key: String,
    },
}

/// Names only: a text may be a key.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files(files) => files.fmt(f),
            Self::Texts { .. } => f.write_str("Texts"),
        }
    }
}

/// Certificate files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) ca: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// The files in `dir`, if there is a certificate.
    pub(super) fn in_dir(dir: &Path) -> Option<Self> {
        let files = Self {
            ca: dir.join("ca.pem"),
            cert: dir.join("cert.pem"),
            key: dir.join("key.pem"),
        };
        files.cert.exists().then_some(files)
    }

    /// The files in `dir`, which must be there.
    pub(super) fn required_in(dir: Option<&Path>) -> Result<Self, AddressError> {
        dir.and_then(Self::in_dir)
            .ok_or_else(|| AddressError::NoCertificates {
                dir: dir.map(Path::to_path_buf).unwrap_or_default(),
            })
    }
}

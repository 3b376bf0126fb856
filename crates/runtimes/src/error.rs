//! Why a runtime could not be installed.

use std::{io, path::PathBuf};

/// Why a runtime could not be installed. The text is for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// There is no folder for it.
    #[error(
        "There is no cache directory for runtimes. Set HOME or XDG_CACHE_HOME to an absolute path."
    )]
    NoFolder,
    /// No tarball has this runtime, or none for this machine.
    #[error("No {runtime} is pinned for {architecture}. Install {runtime} on this machine.")]
    NotPinned {
        /// Name of the runtime.
        runtime: String,
        /// Architecture of this machine.
        architecture: &'static str,
    },
    /// The certificate authorities of the caller are none.
    #[error("The extra certificate authorities (ISOL8_EXTRA_CA) cannot be used: {0}")]
    Certificates(String),
    /// A tarball could not be downloaded.
    #[error(
        "Cannot download {url}: {reason}. Check the network, HTTPS_PROXY, and ISOL8_NPM_REGISTRY where the registry is \
         another one."
    )]
    Download {
        /// Where it should have come from, without a password.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A tarball has another content than the pinned one. It was thrown away.
    #[error(
        "{url} is not what is pinned: its SHA-512 is {found} and must be {wanted}. Nothing was installed. Check the \
         registry (ISOL8_NPM_REGISTRY)."
    )]
    Digest {
        /// Where it came from.
        url: String,
        /// Its digest, in hex.
        found: String,
        /// The pinned one.
        wanted: &'static str,
    },
    /// A tarball has something in it that no tarball of a runtime has.
    #[error("{tarball} cannot be unpacked: {reason}")]
    Unpack {
        /// Its path below the registry's address.
        tarball: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The cache directory could not be written.
    #[error("Cannot write {}: {cause}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// The caller gave up.
    #[error("The installation was cancelled")]
    Cancelled,
}

impl InstallError {
    /// `path` could not be written because of `cause`.
    pub(crate) fn write(path: impl Into<PathBuf>, cause: io::Error) -> Self {
        Self::Write {
            path: path.into(),
            cause,
        }
    }
}

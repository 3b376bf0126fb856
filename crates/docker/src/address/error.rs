//! Why an address of a daemon is refused.

use std::path::PathBuf;

use isol8_backend::{BackendError, BackendErrorKind};

/// Why an address of a daemon is refused. Each message names the setting with the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The option `docker.protocol` has another value.
    #[error("Invalid docker.protocol: {protocol:?}. It must be \"http\", \"https\" or \"ssh\".")]
    Protocol {
        /// The value.
        protocol: String,
    },
    /// The option `docker` has a field that needs a host.
    #[error(
        "Invalid docker: docker.{field} is given without docker.host. Give the host or a socketPath."
    )]
    NoHost {
        /// The field.
        field: &'static str,
    },
    /// One or two of three certificates.
    #[error(
        "Invalid docker: docker.{missing} is missing. TLS needs docker.ca, docker.cert and docker.key."
    )]
    Certificate {
        /// The field.
        missing: &'static str,
    },
    /// Certificates for a connection that is not TLS.
    #[error(
        "Invalid docker: docker.ca, docker.cert and docker.key are for https, not for {scheme}."
    )]
    UnusedCertificates {
        /// The scheme.
        scheme: String,
    },
    /// A field that the scheme has no use for.
    #[error("Invalid docker: docker.{field} has no meaning for {scheme}.")]
    UnusedField {
        /// The field.
        field: &'static str,
        /// The scheme.
        scheme: String,
    },
    /// A text is no address.
    #[error(
        "Invalid {setting}: {text:?}: {reason}. Use unix:///path, tcp://host:port, http://host:port, \
         https://host:port or ssh://user@host."
    )]
    Url {
        /// The option or environment variable, or the context.
        setting: String,
        /// The address, without a password.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// TLS without certificates.
    #[error(
        "Docker with TLS needs ca.pem, cert.pem and key.pem, and {dir:?} has no cert.pem. Set \
         DOCKER_CERT_PATH, or give docker.ca, docker.cert and docker.key."
    )]
    NoCertificates {
        /// Where they were looked for.
        dir: PathBuf,
    },
    /// The context is not in Docker's store.
    #[error(
        "There is no Docker context {name:?} ({setting}). See `docker context ls`, or give the option \
         `docker`."
    )]
    NoContext {
        /// Its name.
        name: String,
        /// Who names it.
        setting: String,
    },
    /// A file of Docker's own configuration cannot be read.
    #[error("Cannot read {path:?} for the current Docker context: {reason}.")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// Whether this process may not read it.
        denied: bool,
    },
}

impl From<AddressError> for BackendError {
    fn from(error: AddressError) -> Self {
        Self::new(BackendErrorKind::Configuration, error.to_string()).caused_by(error)
    }
}

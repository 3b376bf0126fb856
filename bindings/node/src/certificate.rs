//! The certificate of a server in this process.

use std::path::PathBuf;

use isol8_api::{ErrorCode, config::ServerConfig};
use isol8_server::{Tls, TlsError};

use crate::outcome::NativeError;

/// Files of a certificate and of its key.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// The files that the options name, else those of the configuration; none where neither names one.
    pub(crate) fn choose(
        certificate: Option<String>,
        key: Option<String>,
        config: &ServerConfig,
    ) -> Result<Option<Self>, NativeError> {
        let or = |option: Option<String>, configured: &Option<String>| {
            let written = option.filter(|path| !path.is_empty());
            written.or_else(|| configured.clone()).map(PathBuf::from)
        };
        let message = match (or(certificate, &config.tls_cert), or(key, &config.tls_key)) {
            (Some(certificate), Some(key)) => return Ok(Some(Self { certificate, key })),
            (None, None) => return Ok(None),
            (Some(_), None) => "There is a TLS certificate without its key: give tlsKey as well.",
            (None, Some(_)) => "There is a TLS key without its certificate: give tlsCert as well.",
        };
        Err(NativeError::new(ErrorCode::InvalidOption, &message))
    }

    /// Reads the files.
    pub(crate) fn load(&self) -> Result<Tls, NativeError> {
        let unusable = |error: TlsError| NativeError::new(ErrorCode::Server, &error);
        Tls::load(&self.certificate, &self.key).map_err(unusable)
    }
}

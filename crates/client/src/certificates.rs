//! The certificate authorities that are trusted.

use std::path::PathBuf;

use reqwest::Certificate;

use crate::error::ConnectionError;

/// More authorities, in the variable that programs with Node.js know.
const EXTRA: &str = "NODE_EXTRA_CA_CERTS";

/// Variables that take the place of the system's authorities.
const OWN: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The authorities of this machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`, and those of `NODE_EXTRA_CA_CERTS`
/// besides. On a machine without any, those of Mozilla.
pub(crate) fn trusted() -> Result<Vec<Certificate>, ConnectionError> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut trusted: Vec<_> = loaded
        .certs
        .iter()
        .filter_map(|certificate| Certificate::from_der(certificate).ok())
        .collect();
    if trusted.is_empty() {
        let named = OWN
            .into_iter()
            .find_map(|variable| Some((variable, PathBuf::from(std::env::var_os(variable)?))));
        if let Some((variable, path)) = named {
            let cause = loaded.errors.first();
            return Err(ConnectionError::Certificates {
                variable,
                path,
                cause: cause.map_or("no certificates".to_owned(), ToString::to_string),
            });
        }
        let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        trusted.extend(known.filter_map(|certificate| Certificate::from_der(certificate).ok()));
    }
    if let Some(path) = std::env::var_os(EXTRA).map(PathBuf::from) {
        let failed = |cause: String| ConnectionError::Certificates {
            variable: EXTRA,
            path: path.clone(),
            cause,
        };
        let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
        let extra =
            Certificate::from_pem_bundle(&text).map_err(|error| failed(error.to_string()))?;
        trusted.extend(extra);
    }
    Ok(trusted)
}

//! The certificate of a server, from files that may be exchanged while it serves.

use std::{
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// Largest file of a certificate or a key in bytes: 1 MiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why connections cannot be encrypted. The text names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("Cannot read the TLS {what} {}: {cause}", path.display())]
    Read {
        /// Which of the two: "certificate" or "key".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A file has something else in it.
    #[error("Invalid TLS {what} {}: {cause}", path.display())]
    Invalid {
        /// Which of the two: "certificate" or "key".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "The TLS key {} does not belong to the certificate {}: give the key that the certificate was made with",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// A certificate and its key. Cheap to clone; the clones are one, so that [`Self::reload`] is for all of them.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: Files,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads a certificate in PEM, with those between it and its authority behind it, and its private key in PEM.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider: Arc::new(ring::default_provider()),
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(files.read()?))));
        let invalid = |error: rustls::Error| files.invalid(CERTIFICATE, error.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&files.provider))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self(Arc::new(Inner {
            files,
            current,
            acceptor,
        })))
    }

    /// Reads both files again. New connections have the new certificate. After an error they have the one before.
    pub fn reload(&self) -> Result<(), TlsError> {
        let read = Arc::new(self.0.files.read()?);
        let current = self.0.current.0.write();
        *current.unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.0.acceptor
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.0.files.certificate)
            .finish_non_exhaustive()
    }
}

/// The certificate of new connections.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";

/// Where certificate and key are.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let text = self.text(CERTIFICATE)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|error| self.invalid(CERTIFICATE, explain(&error)))?;
        if chain.is_empty() {
            return Err(self.invalid(CERTIFICATE, "it has no certificate in PEM".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.text(KEY)?)
            .map_err(|error| self.invalid(KEY, explain(&error)))?;
        CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            rustls::Error::InvalidCertificate(cause) => {
                self.invalid(CERTIFICATE, format!("{cause:?}"))
            }
            error => self.invalid(KEY, error.to_string()),
        })
    }

    fn text(&self, what: &'static str) -> Result<Vec<u8>, TlsError> {
        let path = self.path(what);
        let failed = |cause| TlsError::Read {
            what,
            path: path.clone(),
            cause,
        };
        // Opening a pipe would wait for somebody who writes to it.
        if !fs::metadata(&path).map_err(failed)?.is_file() {
            return Err(self.invalid(what, "it is no file".to_owned()));
        }
        let file = fs::File::open(&path).map_err(failed)?;
        let mut text = Vec::new();
        let mut limited = file.take(MAX_FILE_BYTES + 1);
        limited.read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(self.invalid(what, format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        Ok(text)
    }

    fn invalid(&self, what: &'static str, cause: String) -> TlsError {
        TlsError::Invalid {
            what,
            path: self.path(what),
            cause,
        }
    }

    fn path(&self, what: &'static str) -> PathBuf {
        match what {
            KEY => self.key.clone(),
            _ => self.certificate.clone(),
        }
    }
}

fn explain(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => {
            "it has no private key in PEM (encrypted keys are not read)".to_owned()
        }
        error => error.to_string(),
    }
}

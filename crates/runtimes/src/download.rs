//! Tarballs of an npm registry, kept in files and checked against their digests.

use std::{
    io::{Seek as _, SeekFrom, Write as _},
    sync::Arc,
    time::Duration,
};

use isol8_backend::ImageSources;
use reqwest::{Client, Url};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use sha2::{Digest as _, Sha512};

use crate::{InstallError, Pin};

/// The registry unless the caller names another.
const PUBLIC_REGISTRY: &str = "https://registry.npmjs.org";

/// Largest tarball in bytes: 512 MiB. Those of runtimes have about 50.
const MAX_TARBALL_BYTES: u64 = 512 << 20;

/// How often a download is tried.
const ATTEMPTS: usize = 3;

/// How long the registry may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// How long the registry may send nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// Name of this program in requests.
const USER_AGENT: &str = concat!("isol8/", env!("CARGO_PKG_VERSION"));

/// A registry.
pub(crate) struct Registry {
    client: Client,
    address: String,
}

/// Bytes that have arrived, and how many there will be where that is known.
pub(crate) type Arrived<'a> = &'a (dyn Fn(u64, Option<u64>) + Send + Sync);

impl Registry {
    /// The registry of `sources`, whose certificate authorities are trusted beside those of the system. A proxy is
    /// found in the environment. Reads certificates, and connects to nothing.
    pub(crate) fn new(sources: &ImageSources) -> Result<Self, InstallError> {
        let address = sources.npm_registry.as_deref().unwrap_or(PUBLIC_REGISTRY);
        let address = address.trim_end_matches('/').to_owned();
        let client = Client::builder()
            .tls_backend_preconfigured(tls(sources.ca_certificates.as_deref())?)
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(SILENCE_LIMIT)
            .build()
            .map_err(|error| InstallError::Download {
                url: without_password(&address),
                reason: innermost(&error),
            })?;
        Ok(Self { client, address })
    }

    /// The tarball of `pin`, in a file without a name that is read from its beginning.
    ///
    /// Dropping the future closes the connection, and nothing stays.
    pub(crate) async fn fetch(
        &self,
        pin: &'static Pin,
        arrived: Arrived<'_>,
    ) -> Result<std::fs::File, InstallError> {
        let url = format!("{}/{}", self.address, pin.tarball);
        let mut attempt = 1;
        loop {
            match self.attempt(&url, pin, arrived).await {
                Err(InstallError::Download { url, reason }) if attempt < ATTEMPTS => {
                    tracing::debug!(url, reason, attempt, "the download is tried again");
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    async fn attempt(
        &self,
        url: &str,
        pin: &'static Pin,
        arrived: Arrived<'_>,
    ) -> Result<std::fs::File, InstallError> {
        let failed = |reason: String| InstallError::Download {
            url: without_password(url),
            reason,
        };
        let broken = |error: reqwest::Error| failed(innermost(&error));
        let mut file = tempfile::tempfile().map_err(|cause| InstallError::write("/tmp", cause))?;
        let answer = self.client.get(url).send().await.map_err(broken)?;
        let mut answer = answer.error_for_status().map_err(|error| {
            let status = error.status().unwrap_or_default();
            failed(format!("the registry answered {status}"))
        })?;
        let whole = answer.content_length();
        let mut digest = Sha512::new();
        let mut length = 0;
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            length += chunk.len() as u64;
            if length > MAX_TARBALL_BYTES {
                return Err(failed(format!(
                    "it has more than {MAX_TARBALL_BYTES} bytes"
                )));
            }
            digest.update(&chunk);
            file.write_all(&chunk)
                .map_err(|cause| InstallError::write("/tmp", cause))?;
            arrived(length, whole);
        }
        let found = hex::encode(digest.finalize());
        if found != pin.sha512 {
            return Err(InstallError::Digest {
                url: without_password(url),
                found,
                wanted: pin.sha512,
            });
        }
        file.seek(SeekFrom::Start(0))
            .map_err(|cause| InstallError::write("/tmp", cause))?;
        Ok(file)
    }
}

/// Trusts the certificate authorities of the system, and those of the caller.
fn tls(extra: Option<&str>) -> Result<ClientConfig, InstallError> {
    let unusable = |reason: String| InstallError::Certificates(reason);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The innermost cause, which is the one that helps ("Connection refused").
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An address as it may be shown.
fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return address.to_owned();
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            without_password("https://me:secret@npm.test/x"),
            "https://npm.test/x"
        );
    }

    #[test]
    fn certificates_that_are_none_are_an_error() {
        let wrong = "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n";
        let error = tls(Some(wrong)).unwrap_err().to_string();
        assert!(error.contains("ISOL8_EXTRA_CA"), "{error}");
        assert!(tls(None).is_ok());
    }
}

//! The connection to a Docker daemon, made when it is first needed.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use bollard::{API_DEFAULT_VERSION, Docker};
use isol8_backend::BackendError;
use tokio::sync::OnceCell;

use crate::{
    DockerAddress,
    address::{Endpoint, TlsFiles},
    error, version,
};

/// Seconds that the daemon may take to answer a request.
const REQUEST_TIMEOUT_SECONDS: u64 = 120;

/// A daemon, connected to on first use. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    address: Arc<DockerAddress>,
    connected: Arc<OnceCell<Daemon>>,
}

/// A daemon that has answered.
pub(crate) struct Daemon {
    pub(crate) docker: Docker,
    /// Where it is.
    pub(crate) url: String,
}

impl Client {
    /// A client for the daemon at `address`. Does no I/O.
    #[must_use]
    pub fn new(address: DockerAddress) -> Self {
        Self {
            address: Arc::new(address),
            connected: Arc::new(OnceCell::new()),
        }
    }

    /// The connection, speaking an API version that the daemon knows. A daemon that does not answer
    /// is asked again at the next call.
    pub async fn docker(&self) -> Result<&Docker, BackendError> {
        Ok(&self.daemon().await?.docker)
    }

    /// The daemon, as [`Self::docker`] finds it.
    pub(crate) async fn daemon(&self) -> Result<&Daemon, BackendError> {
        self.connected
            .get_or_try_init(|| async {
                let endpoint = self.address.endpoint();
                let unreachable = |reason| error::unreachable(&endpoint.url, reason);
                let docker = if let Some(docker) = quickly(&endpoint).await {
                    docker
                } else {
                    // The long way can also tell what is wrong.
                    let docker = self.connect(&endpoint).map_err(unreachable)?;
                    docker.negotiate_version().await.map_err(unreachable)?
                };
                Ok(Daemon {
                    docker,
                    url: endpoint.url,
                })
            })
            .await
    }

    /// Whether the daemon runs beside this process, so that both share memory and processors. Of the
    /// daemons behind a Unix socket those on other systems than Linux are in a virtual machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        cfg!(target_os = "linux") && self.address.endpoint().url.starts_with("unix://")
    }

    fn connect(&self, endpoint: &Endpoint) -> Result<Docker, bollard::errors::Error> {
        let address = &self.address;
        if let (Some(ca), Some(cert), Some(key)) = (&address.ca, &address.cert, &address.key) {
            // The library reads certificates from files, at once.
            let dir = tempfile::tempdir()?;
            let file = |name: &str, text: &str| -> std::io::Result<PathBuf> {
                let path = dir.path().join(name);
                std::fs::File::create_new(&path)?.write_all(text.as_bytes())?;
                Ok(path)
            };
            let tls = TlsFiles {
                ca: file("ca.pem", ca)?,
                cert: file("cert.pem", cert)?,
                key: file("key.pem", key)?,
            };
            return connect_tls(&endpoint.url, &tls);
        }
        match &endpoint.tls {
            Some(tls) => connect_tls(&endpoint.url, tls),
            None => Docker::connect_with_host(&endpoint.url),
        }
    }
}

/// The connection to a daemon on this machine, if that answers as it should.
async fn quickly(endpoint: &Endpoint) -> Option<Docker> {
    let path = endpoint.url.strip_prefix("unix://")?;
    let spoken = version::of_daemon(Path::new(path)).await?;
    let version = if spoken < *API_DEFAULT_VERSION {
        &spoken
    } else {
        API_DEFAULT_VERSION
    };
    Docker::connect_with_unix(path, REQUEST_TIMEOUT_SECONDS, version).ok()
}

fn connect_tls(url: &str, tls: &TlsFiles) -> Result<Docker, bollard::errors::Error> {
    Docker::connect_with_ssl(
        url,
        &tls.key,
        &tls.cert,
        &tls.ca,
        REQUEST_TIMEOUT_SECONDS,
        API_DEFAULT_VERSION,
    )
}

//! The connection to a Docker daemon, made when it is first needed.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bollard::{
    API_DEFAULT_VERSION, ClientVersion, Docker, errors::Error as DockerError, models::SystemInfo,
};
use isol8_backend::{BackendError, BackendErrorKind};
use tokio::sync::OnceCell;

use crate::{
    DockerAddress,
    address::{Certificates, Endpoint, TlsFiles},
    dialect::Dialect,
    error,
    own_user::Users,
    ssh, version,
};

/// Seconds that the daemon may take to answer a request.
const REQUEST_TIMEOUT_SECONDS: u64 = 10;

/// The same for those that create and start containers, or remove images.
const SLOW_REQUEST_LIMIT: Duration = Duration::from_mins(1);

/// The same for builds, which answer when their first step has been taken.
const BUILD_REQUEST_LIMIT: Duration = Duration::from_mins(10);

/// The oldest version of the API that has what is needed: that of Docker 20.10.
const MIN_VERSION: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 41,
};

/// A daemon, connected to on first use. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    address: Arc<DockerAddress>,
    connected: Arc<OnceCell<Daemon>>,
}

/// Facts that a daemon reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// The address at which it has answered.
    pub address: String,
    /// Its version.
    pub version: String,
    /// Where it keeps images and containers, on its own machine.
    pub folder: String,
    /// Whether it can filter system calls.
    pub seccomp: bool,
}

/// A daemon that has answered.
pub(crate) struct Daemon {
    pub(crate) docker: Docker,
    /// Where it is.
    pub(crate) url: String,
    /// Whether it is Podman.
    podman: bool,
    /// What it reports about itself, asked for once.
    info: OnceCell<SystemInfo>,
}

impl Daemon {
    /// The connection for requests that create and start containers.
    pub(crate) fn slow(&self) -> Docker {
        self.docker.clone().with_timeout(SLOW_REQUEST_LIMIT)
    }

    async fn info(&self) -> Result<&SystemInfo, BackendError> {
        let asking = self.info.get_or_try_init(|| self.docker.info());
        asking
            .await
            .map_err(|error| error::failed(&self.url, error))
    }

    /// How it differs from Docker when its containers run with this OCI runtime.
    pub(crate) async fn dialect(&self, oci_runtime: Option<&str>) -> Result<Dialect, BackendError> {
        // Docker's own runtime is asked nothing: a start waits for each answer.
        if !self.podman && oci_runtime.is_none() {
            return Ok(Dialect::DOCKER);
        }
        Dialect::of(self.podman, self.info().await?, oci_runtime)
    }
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

    /// The connection for requests that remove images.
    pub(crate) async fn slow(&self) -> Result<Docker, BackendError> {
        Ok(self.daemon().await?.slow())
    }

    /// The connection for builds.
    pub(crate) async fn building(&self) -> Result<Docker, BackendError> {
        Ok(self
            .docker()
            .await?
            .clone()
            .with_timeout(BUILD_REQUEST_LIMIT))
    }

    /// Why a request failed.
    pub(crate) fn failed(&self, error: DockerError) -> BackendError {
        match self.address.endpoint() {
            Ok(endpoint) => error::failed(&endpoint.to_string(), error),
            Err(address) => address.into(),
        }
    }

    /// The address at which a daemon has answered. One that does not answer is asked again at the next call.
    pub async fn answered_at(&self) -> Result<&str, BackendError> {
        Ok(&self.daemon().await?.url)
    }

    /// The facts that the daemon reports about itself.
    pub async fn facts(&self) -> Result<DaemonFacts, BackendError> {
        let Daemon { docker, url, .. } = self.daemon().await?;
        let info = docker
            .info()
            .await
            .map_err(|error| error::failed(url, error))?;
        let options = info.security_options.unwrap_or_default();
        Ok(DaemonFacts {
            address: url.clone(),
            version: info.server_version.unwrap_or_default(),
            folder: info.docker_root_dir.unwrap_or_default(),
            seccomp: options.iter().any(|option| option.contains("name=seccomp")),
        })
    }

    /// The daemon, as [`Self::docker`] finds it. The time limit holds for those as well who wait for another
    /// call that connects.
    pub(crate) async fn daemon(&self) -> Result<&Daemon, BackendError> {
        let limit = Duration::from_secs(REQUEST_TIMEOUT_SECONDS);
        let connecting = self.connected.get_or_try_init(|| self.connect());
        match tokio::time::timeout(limit, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(self.failed(DockerError::RequestTimeoutError)),
        }
    }

    async fn connect(&self) -> Result<Daemon, BackendError> {
        let endpoint = self.address.endpoint()?;
        let url = endpoint.to_string();
        let unreachable = |reason| error::unreachable(&url, reason);
        let (docker, podman) = if let Some(connected) = quickly(&endpoint).await {
            connected
        } else {
            // The slower way, which returns the reason when it fails.
            let docker = connect(&endpoint).map_err(unreachable)?;
            let docker = docker.negotiate_version().await.map_err(unreachable)?;
            let podman = is_podman(&docker).await;
            (docker, podman)
        };
        let version = docker.client_version();
        if version < MIN_VERSION {
            let message = error::too_old(&format!("it speaks version {version} of the API"));
            return Err(BackendError::new(BackendErrorKind::Unreachable, message));
        }
        Ok(Daemon {
            docker,
            url,
            podman,
            info: OnceCell::new(),
        })
    }

    /// From where sandboxes of this `daemon` get users of their own.
    pub(crate) async fn users(&self, daemon: &Daemon) -> Result<Users, BackendError> {
        let options = daemon.info().await?.security_options.as_deref();
        Ok(Users::of_daemon(
            options.unwrap_or_default(),
            self.is_on_this_machine(),
        ))
    }

    /// Whether the daemon runs beside this process, so that both share memory and processors. Of the
    /// daemons behind a Unix socket those on other systems than Linux are in a virtual machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        cfg!(target_os = "linux") && matches!(self.address.endpoint(), Ok(Endpoint::Unix(_)))
    }
}

fn connect(endpoint: &Endpoint) -> Result<Docker, DockerError> {
    let (timeout, version) = (REQUEST_TIMEOUT_SECONDS, API_DEFAULT_VERSION);
    match endpoint {
        Endpoint::Unix(path) => Docker::connect_with_unix(path, timeout, version),
        Endpoint::Plain(authority) => {
            Docker::connect_with_http(&format!("tcp://{authority}"), timeout, version)
        }
        Endpoint::Tls(authority, certificates) => {
            connect_tls(&format!("tcp://{authority}"), certificates)
        }
        Endpoint::Ssh(target) => ssh::connect(target, timeout, version),
    }
}

/// Whether the daemon is Podman. One that does not say is not.
async fn is_podman(docker: &Docker) -> bool {
    let parts = docker.version().await.ok().and_then(|said| said.components);
    let mut parts = parts.into_iter().flatten();
    parts.any(|part| part.name.contains("Podman"))
}

/// The connection to a daemon on this machine, if that answers as it should, and whether it is Podman.
async fn quickly(endpoint: &Endpoint) -> Option<(Docker, bool)> {
    let Endpoint::Unix(path) = endpoint else {
        return None;
    };
    let spoken = version::of_daemon(Path::new(path)).await?;
    let version = if spoken.version < *API_DEFAULT_VERSION {
        &spoken.version
    } else {
        API_DEFAULT_VERSION
    };
    let docker = Docker::connect_with_unix(path, REQUEST_TIMEOUT_SECONDS, version).ok()?;
    Some((docker, spoken.podman))
}

fn connect_tls(url: &str, certificates: &Certificates) -> Result<Docker, DockerError> {
    let with = |files: &TlsFiles| {
        Docker::connect_with_ssl(
            url,
            &files.key,
            &files.cert,
            &files.ca,
            REQUEST_TIMEOUT_SECONDS,
            API_DEFAULT_VERSION,
        )
    };
    let (ca, cert, key) = match certificates {
        Certificates::Files(files) => return with(files),
        Certificates::Texts { ca, cert, key } => (ca, cert, key),
    };
    // The library reads certificates from files, at once.
    let dir = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> std::io::Result<PathBuf> {
        let path = dir.path().join(name);
        std::fs::File::create_new(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    };
    with(&TlsFiles {
        ca: file("ca.pem", ca)?,
        cert: file("cert.pem", cert)?,
        key: file("key.pem", key)?,
    })
}

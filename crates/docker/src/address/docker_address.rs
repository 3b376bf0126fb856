//! Where the Docker daemon is: what the caller says, else `DOCKER_HOST`, else the current Docker
//! context, else the first of the usual sockets that exists.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// How to reach a Docker daemon. Everything left out is found as the `docker` command finds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerAddress {
    /// Path of a Unix socket.
    pub socket_path: Option<String>,
    /// Host name, or a whole address such as `tcp://host:2375`.
    pub host: Option<String>,
    /// Port at `host`; 2375, or 2376 with TLS.
    pub port: Option<u16>,
    /// `http`, `https` or `ssh`.
    pub protocol: Option<String>,
    /// CA certificate, PEM.
    pub ca: Option<String>,
    /// Client certificate, PEM.
    pub cert: Option<String>,
    /// Client key, PEM.
    pub key: Option<String>,
}

/// Where the daemon is, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `unix://…`, `tcp://…`, `http://…` or `https://…`.
    pub(crate) url: String,
    /// Certificates, where the connection is TLS.
    pub(crate) tls: Option<TlsFiles>,
}

/// Certificate files of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) ca: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    fn in_dir(dir: &Path) -> Option<Self> {
        let files = Self {
            ca: dir.join("ca.pem"),
            cert: dir.join("cert.pem"),
            key: dir.join("key.pem"),
        };
        files.cert.exists().then_some(files)
    }
}

impl DockerAddress {
    /// Whether the caller said nothing.
    fn is_unspecified(&self) -> bool {
        self.socket_path.is_none() && self.host.is_none()
    }

    /// The endpoint that this address means, except for certificates given as text.
    pub(crate) fn endpoint(&self) -> Endpoint {
        if self.is_unspecified() {
            return discover(&Surroundings::of_this_process());
        }
        if let Some(path) = &self.socket_path {
            return Endpoint {
                url: format!("unix://{}", path.trim_start_matches("unix://")),
                tls: None,
            };
        }
        let host = self.host.as_deref().unwrap_or("localhost");
        if host.contains("://") {
            return Endpoint {
                url: host.to_owned(),
                tls: None,
            };
        }
        let secure = self.protocol.as_deref() == Some("https") || self.cert.is_some();
        let (scheme, default_port) = if secure {
            ("https", 2376)
        } else {
            ("tcp", 2375)
        };
        let port = self.port.unwrap_or(default_port);
        Endpoint {
            url: format!("{scheme}://{host}:{port}"),
            tls: None,
        }
    }
}

/// What discovery looks at; a value, so that it can be tested.
#[derive(Debug, Default)]
struct Surroundings {
    docker_host: Option<String>,
    docker_context: Option<String>,
    cert_path: Option<PathBuf>,
    config_dir: Option<PathBuf>,
    home: Option<PathBuf>,
    runtime_dir: Option<PathBuf>,
    root: PathBuf,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = env::home_dir();
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            cert_path: text("DOCKER_CERT_PATH").map(PathBuf::from),
            config_dir: text("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(".docker"))),
            home,
            runtime_dir: text("XDG_RUNTIME_DIR").map(PathBuf::from),
            root: PathBuf::from("/"),
        }
    }

    /// The sockets of Docker, Docker Desktop, Colima, `OrbStack`, Rancher Desktop, rootless Docker
    /// and Podman, in the order in which they are tried.
    fn usual_sockets(&self) -> Vec<PathBuf> {
        let mut sockets = vec![self.root.join("var/run/docker.sock")];
        if let Some(dir) = &self.runtime_dir {
            sockets.push(dir.join("docker.sock"));
        }
        if let Some(home) = &self.home {
            for path in [
                ".docker/run/docker.sock",
                ".docker/desktop/docker.sock",
                ".colima/default/docker.sock",
                ".config/colima/default/docker.sock",
                ".orbstack/run/docker.sock",
                ".rd/docker.sock",
            ] {
                sockets.push(home.join(path));
            }
        }
        if let Some(dir) = &self.runtime_dir {
            sockets.push(dir.join("podman/podman.sock"));
        }
        sockets.push(self.root.join("run/podman/podman.sock"));
        sockets
    }
}

fn discover(around: &Surroundings) -> Endpoint {
    if let Some(url) = &around.docker_host {
        let tls = around.cert_path.as_deref().and_then(TlsFiles::in_dir);
        return Endpoint {
            url: url.clone(),
            tls,
        };
    }
    if let Some(endpoint) = context_endpoint(around) {
        return endpoint;
    }
    let sockets = around.usual_sockets();
    let found = sockets
        .iter()
        .find(|path| path.exists())
        .unwrap_or(&sockets[0]);
    Endpoint {
        url: format!("unix://{}", found.display()),
        tls: None,
    }
}

/// The endpoint of the current Docker context, unless that is the default one.
fn context_endpoint(around: &Surroundings) -> Option<Endpoint> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Option<DockerEndpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct DockerEndpoint {
        host: Option<String>,
    }

    let dir = around.config_dir.as_ref()?;
    let name = if let Some(name) = &around.docker_context {
        name.clone()
    } else {
        let config = fs::read(dir.join("config.json")).ok()?;
        serde_json::from_slice::<Config>(&config)
            .ok()?
            .current_context?
    };
    if name.is_empty() || name == "default" {
        return None;
    }
    // The layout of Docker's context store: one folder for each context, named after its digest.
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    let meta = fs::read(dir.join("contexts/meta").join(&digest).join("meta.json")).ok()?;
    let meta: Meta = serde_json::from_slice(&meta).ok()?;
    let tls = TlsFiles::in_dir(&dir.join("contexts/tls").join(&digest).join("docker"));
    Some(Endpoint {
        url: meta.endpoints.docker?.host?,
        tls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn docker_host_comes_before_context_and_sockets() {
        let around = Surroundings {
            docker_host: Some("tcp://build:2375".into()),
            docker_context: Some("desktop".into()),
            ..Surroundings::default()
        };
        assert_eq!(discover(&around).url, "tcp://build:2375");
    }

    #[test]
    fn current_context_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let digest = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
        assert_eq!(hex::encode(Sha256::digest(b"desktop-linux")), digest);
        let meta = dir
            .path()
            .join("contexts/meta")
            .join(digest)
            .join("meta.json");
        touch(&meta);
        let text = r#"{"Name":"desktop-linux","Endpoints":{"docker":{"Host":"unix:///x.sock"}}}"#;
        fs::write(&meta, text).unwrap();
        fs::write(
            dir.path().join("config.json"),
            r#"{"currentContext":"desktop-linux"}"#,
        )
        .unwrap();
        let around = Surroundings {
            config_dir: Some(dir.path().into()),
            ..Surroundings::default()
        };
        assert_eq!(
            discover(&around),
            Endpoint {
                url: "unix:///x.sock".into(),
                tls: None
            }
        );
    }

    #[test]
    fn first_existing_socket_is_used_and_the_default_named_when_none_exists() {
        let dir = tempfile::tempdir().unwrap();
        let around = Surroundings {
            home: Some(dir.path().join("home")),
            runtime_dir: Some(dir.path().join("run1000")),
            root: dir.path().into(),
            ..Surroundings::default()
        };
        let url = |path: &str| format!("unix://{}", dir.path().join(path).display());
        assert_eq!(discover(&around).url, url("var/run/docker.sock"));
        for socket in [
            "run/podman/podman.sock",
            "home/.orbstack/run/docker.sock",
            "home/.colima/default/docker.sock",
            "run1000/docker.sock",
            "var/run/docker.sock",
        ] {
            touch(&dir.path().join(socket));
            assert_eq!(discover(&around).url, url(socket));
        }
    }

    #[test]
    fn what_the_caller_says_wins() {
        let socket = DockerAddress {
            socket_path: Some("/s".into()),
            ..DockerAddress::default()
        };
        assert_eq!(socket.endpoint().url, "unix:///s");
        let host = DockerAddress {
            host: Some("h".into()),
            port: Some(1),
            protocol: Some("https".into()),
            ..DockerAddress::default()
        };
        assert_eq!(host.endpoint().url, "https://h:1");
    }
}

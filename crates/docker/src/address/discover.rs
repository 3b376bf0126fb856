//! Finding the daemon as the `docker` command finds it.

use std::{env, path::PathBuf};

use super::{
    AddressError, Certificates, Endpoint, TlsFiles, context,
    endpoint::{Authority, Written},
};

/// What discovery looks at; a value, so that it can be tested.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    docker_host: Option<String>,
    docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` asks for TLS.
    tls_verify: bool,
    cert_path: Option<PathBuf>,
    config_dir: Option<PathBuf>,
    home: Option<PathBuf>,
    runtime_dir: Option<PathBuf>,
    root: PathBuf,
}

impl Surroundings {
    pub(super) fn of_this_process() -> Self {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = env::home_dir();
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            cert_path: text("DOCKER_CERT_PATH").map(PathBuf::from),
            config_dir: text("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(".docker"))),
            home,
            runtime_dir: text("XDG_RUNTIME_DIR").map(PathBuf::from),
            root: PathBuf::from("/"),
        }
    }

    /// The certificates of `DOCKER_CERT_PATH`, else those in the folder of Docker's client.
    pub(super) fn certificates(&self) -> Result<Certificates, AddressError> {
        let dir = self.cert_path.as_deref().or(self.config_dir.as_deref());
        TlsFiles::required_in(dir).map(Certificates::Files)
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

/// The daemon that the surroundings name.
pub(super) fn discover(around: &Surroundings) -> Result<Endpoint, AddressError> {
    if let Some(text) = &around.docker_host {
        let written = Written::parse("DOCKER_HOST", text)?;
        let found = match (around.tls_verify, around.cert_path.as_deref()) {
            (false, Some(dir)) => TlsFiles::in_dir(dir).map(Certificates::Files),
            _ => None,
        };
        return endpoint(written, found, around);
    }
    let named = around.docker_context.as_deref();
    if let Some(context) = context::current(around.config_dir.as_deref(), named)? {
        let written = Written::parse(&context.setting, &context.host)?;
        return endpoint(written, context.tls.map(Certificates::Files), around);
    }
    let sockets = around.usual_sockets();
    let found = sockets
        .iter()
        .find(|path| path.exists())
        .unwrap_or(&sockets[0]);
    Ok(Endpoint::Unix(found.display().to_string()))
}

/// The endpoint of an address with the certificates `found` beside it.
fn endpoint(
    written: Written,
    found: Option<Certificates>,
    around: &Surroundings,
) -> Result<Endpoint, AddressError> {
    let (scheme, host, port) = match written {
        Written::Unix(path) => return Ok(Endpoint::Unix(path)),
        Written::Ssh(target) => return Ok(Endpoint::Ssh(target)),
        Written::Tcp { scheme, host, port } => (scheme, host, port),
    };
    let is_tls = scheme
        .is_tls()
        .unwrap_or(around.tls_verify || found.is_some());
    if !is_tls {
        return Ok(Endpoint::Plain(Authority::plain(host, port)));
    }
    let certificates = found.map_or_else(|| around.certificates(), Ok)?;
    Ok(Endpoint::Tls(Authority::tls(host, port), certificates))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    fn url(around: &Surroundings) -> String {
        discover(around).map_or_else(|error| error.to_string(), |found| found.to_string())
    }

    #[test]
    fn docker_host_comes_before_context_and_sockets() {
        let around = |host: &str| Surroundings {
            docker_host: Some(host.to_owned()),
            docker_context: Some("desktop".into()),
            ..Surroundings::default()
        };
        assert_eq!(url(&around("tcp://build:2375")), "tcp://build:2375");
        assert_eq!(url(&around("ssh://me@build")), "ssh://me@build");
        assert!(url(&around("ftp://build")).starts_with("Invalid DOCKER_HOST: \"ftp://build\""));
    }

    #[test]
    fn a_context_that_does_not_exist_does_not_become_the_usual_socket() {
        let dir = tempfile::tempdir().unwrap();
        let mut around = Surroundings {
            config_dir: Some(dir.path().into()),
            root: dir.path().into(),
            ..Surroundings::default()
        };
        touch(&dir.path().join("var/run/docker.sock"));
        assert!(url(&around).ends_with("/var/run/docker.sock"));
        around.docker_context = Some("gone".into());
        assert!(url(&around).starts_with("There is no Docker context \"gone\""));
    }

    #[test]
    fn tls_that_is_asked_for_never_becomes_plain() {
        let dir = tempfile::tempdir().unwrap();
        let mut around = Surroundings {
            docker_host: Some("tcp://build".into()),
            tls_verify: true,
            cert_path: Some(dir.path().into()),
            ..Surroundings::default()
        };
        assert!(url(&around).starts_with("Docker with TLS needs ca.pem"));
        touch(&dir.path().join("cert.pem"));
        assert_eq!(url(&around), "https://build:2376");
        around.tls_verify = false;
        assert_eq!(url(&around), "https://build:2376");
        around.cert_path = None;
        assert_eq!(url(&around), "tcp://build:2375");
        around.docker_host = Some("https://build:1".into());
        assert!(url(&around).starts_with("Docker with TLS needs ca.pem"));
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
        let at = |path: &str| format!("unix://{}", dir.path().join(path).display());
        assert_eq!(url(&around), at("var/run/docker.sock"));
        for socket in [
            "run/podman/podman.sock",
            "home/.orbstack/run/docker.sock",
            "home/.colima/default/docker.sock",
            "run1000/docker.sock",
            "var/run/docker.sock",
        ] {
            touch(&dir.path().join(socket));
            assert_eq!(url(&around), at(socket));
        }
    }
}

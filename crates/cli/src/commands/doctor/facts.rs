//! What is found on this machine. No judgement.

use std::{fs, path::Path, time::Duration};

use isol8_api::options::BackendChoice;
use tokio::net::TcpStream;
use url::Url;

use super::{
    image_facts::{self, RuntimeImage},
    local_facts::{self, LocalFacts},
};
use crate::{
    failure::Failure,
    sandboxes::{DaemonFacts, Sandboxes},
};

/// How long a registry may take to accept a connection.
const REGISTRY_LIMIT: Duration = Duration::from_secs(5);

/// The public registries that installations need.
const REGISTRIES: [&str; 2] = ["pypi.org", "registry.npmjs.org"];

/// Variables that name a proxy for this machine's own traffic.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// What is found.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The backend that is wanted.
    pub(super) wanted: BackendChoice,
    /// What local sandboxes need.
    pub(super) local: LocalFacts,
    /// The daemon, or why there is none.
    pub(super) daemon: Result<DaemonFacts, String>,
    /// The base image of each runtime.
    pub(super) images: Vec<RuntimeImage>,
    /// The release of this machine's kernel.
    pub(super) kernel: Option<String>,
    /// How many user namespaces a user may have.
    pub(super) user_namespaces: Option<u64>,
    /// Whether cgroups are of version 2.
    pub(super) unified_cgroups: bool,
    /// Bytes that are free where Docker keeps images, when that is on this machine.
    pub(super) free_disk: Option<u64>,
    /// The value of `ISOL8_EXTRA_CA`, and whether the file can be read.
    pub(super) certificates: Option<(String, bool)>,
    /// The proxy of this machine, without its password; or the variable that should name one and does not.
    pub(super) proxy: Option<Result<String, &'static str>>,
    /// Registries, and why each cannot be reached.
    pub(super) registries: Vec<(String, Option<String>)>,
}

/// Looks at this machine.
pub(super) async fn gather(
    sandboxes: &Result<Sandboxes, Failure>,
    wanted: BackendChoice,
    offline: bool,
) -> Facts {
    let daemon = match sandboxes {
        Ok(sandboxes) => sandboxes
            .daemon()
            .await
            .map_err(|failure| failure.to_string()),
        Err(failure) => Err(failure.to_string()),
    };
    let images = match (sandboxes, &daemon) {
        (Ok(sandboxes), Ok(_)) => image_facts::gather(&sandboxes.images()).await,
        _ => Vec::new(),
    };
    let named = proxy(|name| std::env::var(name).ok());
    let proxy = named.as_ref().and_then(|named| named.as_ref().ok());
    let registries = if offline {
        Vec::new()
    } else {
        futures::future::join_all(REGISTRIES.map(|host| registry(host, proxy))).await
    };
    let local = local_facts::gather(sandboxes.as_ref().ok().map(Sandboxes::place)).await;
    let text = |path: &str| fs::read_to_string(path).ok();
    let number = |path: &str| text(path)?.trim().parse().ok();
    Facts {
        wanted,
        local,
        images,
        kernel: text("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
        user_namespaces: number("/proc/sys/user/max_user_namespaces"),
        unified_cgroups: Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        free_disk: daemon.as_ref().ok().and_then(|daemon| free(&daemon.folder)),
        certificates: std::env::var("ISOL8_EXTRA_CA")
            .ok()
            .filter(|path| !path.is_empty())
            .map(|path| (path.clone(), fs::read(path).is_ok())),
        proxy: named
            .as_ref()
            .map(|named| named.as_ref().map(without_password).map_err(|name| *name)),
        registries,
        daemon,
    }
}

#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "macOS counts blocks in 32 bits")
)]
fn free(folder: &str) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(u64::from(disk.blocks_available()) * disk.fragment_size())
}

/// The proxy in the first of the variables that has a value, or the name of that variable when its value is no address.
fn proxy(variable: impl Fn(&str) -> Option<String>) -> Option<Result<Url, &'static str>> {
    PROXY_VARIABLES.into_iter().find_map(|name| {
        let value = variable(name).filter(|value| !value.trim().is_empty())?;
        let url = Url::parse(&value).ok().filter(Url::has_host);
        Some(url.ok_or(name))
    })
}

fn without_password(proxy: &Url) -> String {
    let mut proxy = proxy.clone();
    let _ = proxy.set_username("");
    let _ = proxy.set_password(None);
    proxy.to_string()
}

/// Whether a connection to a registry, or to the proxy on the way to it, is accepted.
async fn registry(host: &str, proxy: Option<&Url>) -> (String, Option<String>) {
    let (at, port) = match proxy {
        Some(proxy) => (
            proxy.host_str().unwrap_or_default(),
            proxy.port_or_known_default().unwrap_or(80),
        ),
        None => (host, 443),
    };
    let problem = match tokio::time::timeout(REGISTRY_LIMIT, TcpStream::connect((at, port))).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer".to_owned()),
    };
    (host.to_owned(), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_with_a_value_names_the_proxy() {
        let named = |variables: &[(&str, &str)]| {
            proxy(|name| {
                let found = variables.iter().find(|(known, _)| *known == name)?;
                Some(found.1.to_owned())
            })
        };
        assert_eq!(named(&[]), None);
        assert_eq!(named(&[("HTTPS_PROXY", " ")]), None);
        let found = named(&[("ALL_PROXY", "x"), ("https_proxy", "http://u:p@proxy:3128")]);
        let found = found.unwrap().unwrap();
        assert_eq!(without_password(&found), "http://proxy:3128/");
        assert_eq!(named(&[("HTTPS_PROXY", "proxy")]), Some(Err("HTTPS_PROXY")));
    }
}

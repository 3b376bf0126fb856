//! The environment of everything that runs in a sandbox.

use std::collections::BTreeMap;

use isol8_api::options::NetworkMode;
use isol8_protocol::{PROXY_PORT, SANDBOX_DIR};

use super::PlanError;
use crate::{
    limits::{MAX_ENV_BYTES, MAX_ENV_STRING_BYTES},
    options::Options,
    runtime::RuntimeSpec,
};

/// Where Deno keeps modules.
pub(crate) const DENO_DIR: &str = "/sandbox/.deno";

/// What every process finds. Secrets and the request's own environment may replace it.
const BASE: [(&str, &str); 7] = [
    ("HOME", SANDBOX_DIR),
    ("PYTHONUNBUFFERED", "1"),
    ("PYTHONUSERBASE", "/sandbox/.local"),
    ("NPM_CONFIG_PREFIX", "/sandbox/.npm-global"),
    ("DENO_DIR", DENO_DIR),
    (
        "PATH",
        "/sandbox/.local/bin:/sandbox/.npm-global/bin:/sandbox/.bun-global/bin:\
         /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    (
        "NODE_PATH",
        "/usr/local/lib/node_modules:/sandbox/.npm-global/lib/node_modules:/sandbox/node_modules",
    ),
];

/// Names under which programs look for a proxy.
const PROXY_NAMES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// Names under which programs look for what they reach without one.
const NO_PROXY_NAMES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The sandbox itself: a program may talk to a server that it has started.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// Node uses a proxy only when this is set.
const NODE_USES_PROXY: (&str, &str) = ("NODE_USE_ENV_PROXY", "1");

/// What makes programs use the proxy.
pub(super) fn proxy_environment() -> impl Iterator<Item = (&'static str, String)> {
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    let proxies = PROXY_NAMES.map(|name| (name, proxy.clone()));
    let others = NO_PROXY_NAMES.map(|name| (name, NO_PROXY.to_owned()));
    let node = [(NODE_USES_PROXY.0, NODE_USES_PROXY.1.to_owned())];
    proxies.into_iter().chain(others).chain(node)
}

/// Base, the runtime's, secrets, then the request's own; in filtered mode the proxy, without which nothing gets
/// out. Sorted by name.
pub(super) fn environment(
    options: &Options,
    request: &BTreeMap<String, String>,
    runtime: Option<&RuntimeSpec>,
) -> Vec<(String, String)> {
    let proxy: Vec<_> = match options.network {
        NetworkMode::Filtered => proxy_environment().collect(),
        NetworkMode::None | NetworkMode::Host => Vec::new(),
    };
    let (forced, defaults): (Vec<_>, Vec<_>) = proxy
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .partition(|(name, _)| PROXY_NAMES.contains(name));
    let all: BTreeMap<&str, &str> = BASE
        .into_iter()
        .chain(runtime.into_iter().flat_map(|runtime| runtime.env).copied())
        .chain(defaults)
        .chain(options.secrets.iter())
        .chain(
            request
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
        .chain(forced)
        .collect();
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Checks the names and values of a request's environment, and the size of everything together.
pub(super) fn check(
    options: &Options,
    request: &BTreeMap<String, String>,
) -> Result<(), PlanError> {
    for (name, value) in request {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(PlanError::EnvName { name: name.clone() });
        }
        let limit = MAX_ENV_STRING_BYTES;
        if value.contains('\0') || name.len() + value.len() > limit {
            return Err(PlanError::EnvValue {
                name: name.clone(),
                limit,
            });
        }
    }
    let given = request
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let bytes = options
        .secrets
        .iter()
        .chain(given)
        .map(|(name, value)| name.len() + value.len());
    let bytes = bytes.sum();
    if bytes > MAX_ENV_BYTES {
        return Err(PlanError::EnvTooLarge {
            bytes,
            limit: MAX_ENV_BYTES,
        });
    }
    Ok(())
}

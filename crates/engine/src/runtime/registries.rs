//! The package registries that an installation has to reach.

use isol8_egress::{ExtraHost, Host};
use url::Url;

use super::RuntimeSpec;

/// Variables of an image with addresses of registries, in upper case. npm and Bun read theirs in any case.
const VARIABLES: [&str; 9] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "NPM_CONFIG_REGISTRY",
    "BUN_CONFIG_REGISTRY",
    "YARN_NPM_REGISTRY_SERVER",
    "JSR_URL",
];

/// `npm_config_@scope:registry` begins and ends like this.
const SCOPED: (&str, &str) = ("NPM_CONFIG_@", ":REGISTRY");

/// Most hosts that an environment, and separately the settings of an image, may add.
const MAX_CONFIGURED: usize = 32;

/// A package registry.
#[derive(Clone, PartialEq, Eq)]
pub struct PackageRegistry {
    /// Its address as it was written.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is reached without TLS.
    pub is_plain: bool,
}

/// The hosts that an installation of `runtime` may reach: those of `named` registries as they are written, or
/// else the public ones, also where their names lead to the private address of a mirror. No part of a
/// request changes them.
pub(crate) fn registry_hosts(runtime: &RuntimeSpec, named: &[PackageRegistry]) -> Vec<ExtraHost> {
    if named.is_empty() {
        let public = runtime.registries.iter();
        return public
            .map(|host| ExtraHost::Known((*host).to_owned()))
            .collect();
    }
    let exact = |registry: &PackageRegistry| ExtraHost::Exact(registry.host.clone(), registry.port);
    named.iter().map(exact).collect()
}

/// The environment that makes an installer use the first of `named` registries.
pub(crate) fn registry_environment(
    runtime: &RuntimeSpec,
    named: &[PackageRegistry],
) -> Vec<(&'static str, String)> {
    let Some(first) = named.first() else {
        return Vec::new();
    };
    let variables = runtime.registry_variables.iter();
    let mut env: Vec<_> = variables.map(|name| (*name, first.url.clone())).collect();
    if first.is_plain && env.iter().any(|(name, _)| *name == "PIP_INDEX_URL") {
        // pip uses a registry without TLS only if its host is named as trusted.
        env.push(("PIP_TRUSTED_HOST", format!("{}:{}", first.host, first.port)));
    }
    env
}

/// The hosts that an image names: in its environment, `NAME=value` by line, and in the settings of
/// package managers, whose format does not matter.
pub(crate) fn image_hosts(environ: &str, settings: &str) -> Vec<String> {
    let env = environ.lines().filter_map(|line| line.split_once('='));
    of_environment(env)
        .chain(of_settings(settings).take(MAX_CONFIGURED))
        .collect()
}

fn of_environment<'a>(
    env: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = String> {
    env.filter(|(name, _)| names_registry(&name.to_ascii_uppercase()))
        .flat_map(|(_, value)| value.split_ascii_whitespace())
        .filter_map(host_of)
        .take(MAX_CONFIGURED)
}

/// The hosts of all addresses outside of comments. A proxy is no registry.
fn of_settings(settings: &str) -> impl Iterator<Item = String> {
    settings
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with(['#', ';', '/']))
        .filter(|line| {
            let name = line.split_once('=').map_or("", |(name, _)| name.trim_end());
            !name.ends_with("proxy")
        })
        .flat_map(|line| line.split(|c: char| c.is_ascii_whitespace() || "\"'=,".contains(c)))
        .filter_map(host_of)
}

/// What is no address is left to the installer to complain about.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url
        .host_str()
        .filter(|_| url.scheme().starts_with("http"))?;
    Host::parse(host).is_ok().then(|| host.to_owned())
}

fn names_registry(name: &str) -> bool {
    VARIABLES.contains(&name) || (name.starts_with(SCOPED.0) && name.ends_with(SCOPED.1))
}

#[cfg(test)]
mod tests {
    use isol8_api::options::RawInstallRegistries;

    use super::*;
    use crate::options::InstallRegistries;

    fn named(runtime: &str, urls: &[&str]) -> Vec<PackageRegistry> {
        let lists = serde_json::json!({ runtime: urls });
        let raw: RawInstallRegistries = serde_json::from_value(lists).unwrap();
        InstallRegistries::try_from(raw)
            .unwrap()
            .of(runtime)
            .to_vec()
    }

    #[test]
    fn named_registries_take_the_place_of_the_public_ones() {
        let runtimes = crate::runtime::Registry::default();
        let python = runtimes.get("python").unwrap();
        let public = ["pypi.org", "files.pythonhosted.org"];
        let public = public.map(|host| ExtraHost::Known(host.to_owned()));
        assert_eq!(registry_hosts(python, &[]), public);
        assert!(registry_environment(python, &[]).is_empty());
        let named_ones = named(
            "python",
            &["http://u:p@pip.test:8080/simple", "https://files.test"],
        );
        assert_eq!(
            registry_hosts(python, &named_ones),
            [
                ExtraHost::Exact("pip.test".to_owned(), 8080),
                ExtraHost::Exact("files.test".to_owned(), 443)
            ]
        );
        assert_eq!(
            registry_environment(python, &named_ones),
            [
                (
                    "PIP_INDEX_URL",
                    "http://u:p@pip.test:8080/simple".to_owned()
                ),
                ("PIP_TRUSTED_HOST", "pip.test:8080".to_owned())
            ]
        );
        for (runtime, count) in [
            ("node", 1),
            ("bun", 2),
            ("deno", 1),
            ("bash", 0),
            ("agent", 2),
        ] {
            let named_ones = named(runtime, &["http://r.test"]);
            let env = registry_environment(runtimes.get(runtime).unwrap(), &named_ones);
            assert_eq!(env.len(), count, "{runtime}");
        }
    }

    #[test]
    fn an_image_names_registries_in_its_environment() {
        let environ = "PIP_INDEX_URL=https://user:secret@pip.example/simple
PIP_EXTRA_INDEX_URL=http://a.example:8080/x  https://b.example/
npm_config_registry=https://NPM.example
npm_config_@scope:registry=http://[2001:db8::1]/
PIP_FIND_LINKS=/wheels ./more
HOMEPAGE=https://not.example";
        assert_eq!(
            image_hosts(environ, ""),
            [
                "pip.example",
                "a.example",
                "b.example",
                "npm.example",
                "[2001:db8::1]"
            ]
        );
    }

    #[test]
    fn settings_of_every_kind_name_their_hosts() {
        let environ = "HOME=/root\nNPM_CONFIG_REGISTRY=https://npm.example/\nX=https://not.example";
        let settings = "
            [global]
            index-url = https://user:secret@pip.example/simple
              extra-index-url=https://more.example/simple
            # index-url = https://comment.example/
            ; registry=https://comment.example/
            proxy = http://proxy.example:3128
            https-proxy=http://proxy.example:3128
            @scope:registry=https://scope.example/
            //scope.example/:_authToken=https://token.example
            deb [trusted=yes signed-by=/usr/share/k.gpg] http://deb.example/debian bookworm main
            URIs: https://one.example/debian https://two.example/debian
            registry = { url = \"https://bun.example/\", token = \"t\" }
            find-links = file:///wheels ftp://ftp.example";
        assert_eq!(
            image_hosts(environ, settings),
            [
                "npm.example",
                "pip.example",
                "more.example",
                "scope.example",
                "deb.example",
                "one.example",
                "two.example",
                "bun.example"
            ]
        );
    }
}

//! The package registries that an installation has to reach.

use isol8_egress::Host;
use url::Url;

/// Variables with addresses of registries, in upper case. npm and Bun read theirs in any case.
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

/// The hosts of `public` registries and of those that the environment `env` names.
pub(crate) fn registry_hosts(public: &[&str], env: &[(String, String)]) -> Vec<String> {
    let env = env.iter().map(|(name, value)| (&**name, &**value));
    public
        .iter()
        .map(|host| (*host).to_owned())
        .chain(of_environment(env))
        .collect()
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
    use super::*;

    #[test]
    fn configured_registries_join_the_public_ones() {
        let env = [
            ("PIP_INDEX_URL", "https://user:secret@pip.example/simple"),
            (
                "PIP_EXTRA_INDEX_URL",
                "http://a.example:8080/x  https://b.example/",
            ),
            ("npm_config_registry", "https://NPM.example"),
            ("npm_config_@scope:registry", "http://[2001:db8::1]/"),
            ("PIP_FIND_LINKS", "/wheels ./more"),
            ("HOMEPAGE", "https://not.example"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            registry_hosts(&["pypi.org"], &env),
            [
                "pypi.org",
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

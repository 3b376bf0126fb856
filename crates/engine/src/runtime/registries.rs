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

/// Most hosts that an environment may add.
const MAX_CONFIGURED: usize = 32;

/// The hosts of `public` registries and of those that the environment `env` names. What is no
/// address there is left to the installer to complain about.
pub(crate) fn registry_hosts(public: &[&str], env: &[(String, String)]) -> Vec<String> {
    let configured = env
        .iter()
        .filter(|(name, _)| names_registry(&name.to_ascii_uppercase()))
        .flat_map(|(_, value)| value.split_ascii_whitespace())
        .filter_map(|url| Url::parse(url).ok()?.host_str().map(str::to_owned))
        .filter(|host| Host::parse(host).is_ok())
        .take(MAX_CONFIGURED);
    public
        .iter()
        .map(|host| (*host).to_owned())
        .chain(configured)
        .collect()
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
}

//! The package registries that the operator names for installations.

use std::{collections::BTreeMap, fmt};

use isol8_api::options::RawInstallRegistries;
use isol8_egress::Host;
use url::Url;

use super::OptionError;
use crate::runtime::PackageRegistry;

/// Most registries of one runtime.
const MAX_REGISTRIES: usize = 16;

/// Registries by runtime. `Debug` shows hosts only: an address may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct InstallRegistries(BTreeMap<&'static str, Vec<PackageRegistry>>);

impl InstallRegistries {
    /// The registries of `runtime`; empty where none are named.
    #[must_use]
    pub fn of(&self, runtime: &str) -> &[PackageRegistry] {
        self.0.get(runtime).map_or(&[], Vec::as_slice)
    }
}

impl TryFrom<RawInstallRegistries> for InstallRegistries {
    type Error = OptionError;

    fn try_from(raw: RawInstallRegistries) -> Result<Self, OptionError> {
        let lists = raw.by_runtime().map(|(runtime, urls)| {
            if urls.len() > MAX_REGISTRIES {
                return Err(OptionError::Number {
                    option: option(runtime),
                    value: format!("{} addresses", urls.len()),
                    rule: "a list of at most 16 addresses",
                });
            }
            let registries = urls.iter().enumerate().map(|(index, url)| {
                registry(url).ok_or_else(|| OptionError::Number {
                    option: option(runtime),
                    // The address may hold a password.
                    value: format!("address {}", index + 1),
                    rule: "an http or https address, such as https://pypi.example/simple",
                })
            });
            Ok((runtime, registries.collect::<Result<_, _>>()?))
        });
        lists.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for InstallRegistries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.0.iter().map(|(runtime, registries)| {
            let hosts: Vec<_> = registries
                .iter()
                .map(|registry| format!("{}:{}", registry.host, registry.port))
                .collect();
            (runtime, hosts)
        });
        f.debug_map().entries(hosts).finish()
    }
}

fn option(runtime: &str) -> &'static str {
    match runtime {
        "python" => "installRegistries.python",
        "node" => "installRegistries.node",
        "bun" => "installRegistries.bun",
        "deno" => "installRegistries.deno",
        "bash" => "installRegistries.bash",
        "agent" => "installRegistries.agent",
        _ => "installRegistries",
    }
}

fn registry(text: &str) -> Option<PackageRegistry> {
    let url = Url::parse(text).ok()?;
    let is_plain = match url.scheme() {
        "http" => true,
        "https" => false,
        _ => return None,
    };
    let host = url.host_str()?.to_owned();
    Host::parse(&host).ok()?;
    // What reaches the installer's environment must be one word.
    let is_word = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_word.then_some(PackageRegistry {
        host,
        port: url.port_or_known_default()?,
        is_plain,
        url: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(json: &str) -> Result<InstallRegistries, String> {
        let raw: RawInstallRegistries = serde_json::from_str(json).unwrap();
        InstallRegistries::try_from(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_become_hosts_and_ports() {
        let json = r#"{"python": ["https://u:hunter2@PIP.test/simple", "http://[fd00::5]:8080/"]}"#;
        let registries = resolve(json).unwrap();
        assert_eq!(
            format!("{registries:?}"),
            r#"{"python": ["pip.test:443", "[fd00::5]:8080"]}"#
        );
        assert_eq!(
            registries.of("python")[0].url,
            "https://u:hunter2@PIP.test/simple"
        );
        assert!(registries.of("python")[1].is_plain && registries.of("node").is_empty());
    }

    #[test]
    fn a_wrong_address_is_refused_by_its_place() {
        for wrong in [
            "pypi.test",
            "ftp://a.test/",
            "file:///x",
            "https://",
            "https://a.test/ b",
            "",
        ] {
            assert_eq!(
                resolve(&format!(r#"{{"node": ["https://a.test", "{wrong}"]}}"#)).unwrap_err(),
                "Invalid installRegistries.node: address 2. It must be an http or https address, \
                 such as https://pypi.example/simple."
            );
        }
        let many = vec!["\"https://a.test\""; MAX_REGISTRIES + 1].join(",");
        assert_eq!(
            resolve(&format!(r#"{{"deno": [{many}]}}"#)).unwrap_err(),
            "Invalid installRegistries.deno: 17 addresses. It must be a list of at most 16 addresses."
        );
    }
}

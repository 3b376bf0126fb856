//! Which URLs and addresses code may come from. Pure: no lookups, no sockets.
//!
//! `blockedHosts` decides about addresses too: each address that a host resolves to is matched as if
//! it were the host. And because an address has many spellings, whoever blocks `127.0.0.1` blocks
//! every loopback address, and whoever blocks one of the private ranges blocks all of them, however
//! they are written (IPv4 inside IPv6, unique local, shared space). The default list blocks both; an
//! empty one opens both. Link-local addresses (cloud metadata), multicast and the unspecified address
//! are refused always.

use std::net::IpAddr;

use isol8_egress::{AddressClass, Denial, Host, Policy, PolicyError, PolicyOptions, classify};
use url::Url;

use super::{FetchError, FetchPolicyError};
use crate::options::RemoteCodePolicy;

/// Addresses that stand for this machine.
const LOOPBACK_SAMPLES: [&str; 2] = ["127.0.0.1", "::1"];

/// Addresses that stand for private networks, one a range.
const PRIVATE_SAMPLES: [&str; 4] = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "fd00::1"];

/// The compiled policy.
#[derive(Debug)]
pub(super) struct Rules {
    schemes: Vec<String>,
    hosts: Policy,
    loopback: bool,
    private: bool,
}

/// A place that a URL names and that the rules let through by its name.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Rules {
    /// Compiles the patterns; the error names the one that is wrong and the option it is in.
    pub(super) fn new(policy: &RemoteCodePolicy) -> Result<Self, FetchPolicyError> {
        let hosts = Policy::new(PolicyOptions {
            whitelist: policy.allowed_hosts.clone(),
            blacklist: policy.blocked_hosts.clone(),
            ..PolicyOptions::default()
        })
        .map_err(|error| FetchPolicyError {
            message: explain(&error),
        })?;
        let open = |samples: &[&str]| {
            samples
                .iter()
                .filter_map(|sample| Host::parse(sample).ok())
                .all(|host| !blocks(&hosts, &host))
        };
        Ok(Self {
            schemes: policy.allowed_schemes.clone(),
            loopback: open(&LOOPBACK_SAMPLES),
            private: open(&PRIVATE_SAMPLES),
            hosts,
        })
    }

    /// Whether `url` may be asked at all. `insecure` is the request's leave to use plain HTTP, which
    /// needs no entry in `allowedSchemes` beside it.
    pub(super) fn check(&self, url: &Url, insecure: bool) -> Result<Target, FetchError> {
        let scheme = url.scheme();
        let tls = match scheme {
            "http" if !insecure => return Err(FetchError::Insecure),
            "http" => false,
            "https" if self.schemes.iter().any(|allowed| allowed == scheme) => true,
            _ => {
                return Err(FetchError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::failed(
                "a URL with a user name or password is not supported",
            ));
        }
        let raw = url.host_str().unwrap_or_default();
        let host = Host::parse(raw).map_err(|_| FetchError::BlockedHost {
            host: raw.to_owned(),
        })?;
        // Ports are nobody's business here: the host's own entry is what counts.
        if self.hosts.judge(&host, isol8_egress::TLS_PORT).is_err() {
            return Err(FetchError::BlockedHost {
                host: host.as_str().to_owned(),
            });
        }
        let port = url
            .port_or_known_default()
            .unwrap_or(isol8_egress::TLS_PORT);
        Ok(Target { host, port, tls })
    }

    /// Whether `address`, which a host resolved to, may be dialled.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let by_class = match classify(address) {
            AddressClass::Public => true,
            AddressClass::Private => self.private,
            AddressClass::Loopback => self.loopback,
            AddressClass::Forbidden => false,
        };
        by_class
            && Host::parse(&address.to_canonical().to_string())
                .is_ok_and(|host| !blocks(&self.hosts, &host))
    }
}

/// A wrong pattern in the words of the options that it comes from.
fn explain(error: &PolicyError) -> String {
    let option = |list: &str| match list {
        "whitelist" => "remoteCode.allowedHosts",
        _ => "remoteCode.blockedHosts",
    };
    match error {
        PolicyError::Pattern {
            list,
            pattern,
            reason,
        } => format!("Invalid pattern in {}: {pattern:?}: {reason}", option(list)),
        PolicyError::PatternTooLong { list, index } => {
            format!("Invalid {}: pattern {index} is too long", option(list))
        }
        PolicyError::TooManyPatterns { list } => {
            format!("Invalid {}: too many patterns", option(list))
        }
        PolicyError::Host { .. } => error.to_string(),
    }
}

/// Whether an entry of `blockedHosts` matches `host`, whatever `allowedHosts` says.
fn blocks(hosts: &Policy, host: &Host) -> bool {
    let judged = hosts.judge(host, isol8_egress::TLS_PORT);
    // A pattern that cannot be matched in time may be one of `blockedHosts`.
    matches!(
        judged,
        Err(Denial::Blacklisted | Denial::PatternTimeout { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use isol8_api::options::RawOptions;

    use crate::options::Options;

    fn rules(policy: &serde_json::Value) -> Rules {
        let raw: RawOptions =
            serde_json::from_value(serde_json::json!({ "remoteCode": policy })).unwrap();
        Rules::new(&Options::try_from(raw).unwrap().remote_code).unwrap()
    }

    fn check(rules: &Rules, url: &str, insecure: bool) -> Result<Target, String> {
        rules
            .check(&url.parse().unwrap(), insecure)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn schemes_and_hosts_have_the_public_messages() {
        let rules = rules(&serde_json::json!({}));
        assert!(check(&rules, "https://example.com:8443/a.py", false).is_ok());
        let insecure = "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.";
        assert_eq!(
            check(&rules, "http://example.com/", false).unwrap_err(),
            insecure
        );
        assert!(check(&rules, "http://example.com/", true).is_ok());
        for scheme in ["ftp", "file", "data", "ws"] {
            let error = check(&rules, &format!("{scheme}://example.com/"), true).unwrap_err();
            assert_eq!(error, format!("URL scheme not allowed: {scheme}"));
        }
        for (url, host) in [
            ("https://localhost/", "localhost"),
            ("https://LOCALHOST./", "localhost"),
            ("https://a.localhost/", "a.localhost"),
            ("https://127.1/", "127.0.0.1"),
            ("https://0x7f000001/", "127.0.0.1"),
            ("https://[::ffff:10.0.0.1]/", "10.0.0.1"),
            ("https://[::1]/", "::1"),
            ("https://169.254.169.254/latest", "169.254.169.254"),
            (
                "https://metadata.google.internal/",
                "metadata.google.internal",
            ),
        ] {
            let error = check(&rules, url, false).unwrap_err();
            assert_eq!(error, format!("Blocked code URL host: {host}"), "{url}");
        }
    }

    #[test]
    fn allowed_hosts_are_the_only_ones_and_blocked_ones_win() {
        let rules = rules(&serde_json::json!({
            "allowedHosts": ["^(.*\\.)?example\\.com$", "^127\\."],
            "blockedHosts": ["^bad\\.", "^127\\."],
        }));
        assert!(check(&rules, "https://API.Example.com./x", false).is_ok());
        for host in ["example.org", "bad.example.com", "127.0.0.1"] {
            assert!(
                check(&rules, &format!("https://{host}/"), false).is_err(),
                "{host}"
            );
        }
    }

    #[test]
    fn addresses_follow_the_blocked_hosts() {
        let default = rules(&serde_json::json!({ "allowedHosts": ["example"] }));
        let open = rules(&serde_json::json!({ "blockedHosts": [] }));
        let some = rules(&serde_json::json!({ "blockedHosts": ["^8\\.8\\.", "^127\\."] }));
        for (address, by_default, by_open, by_some) in [
            ("93.184.216.34", true, true, true),
            ("8.8.8.8", true, true, false),
            ("127.0.0.1", false, true, false),
            ("::1", false, true, false),
            ("::ffff:127.0.0.1", false, true, false),
            ("10.1.2.3", false, true, true),
            ("100.64.0.1", false, true, true),
            ("fd12::1", false, true, true),
            ("169.254.169.254", false, false, false),
            ("64:ff9b::7f00:1", false, false, false),
            ("0.0.0.0", false, false, false),
            ("224.0.0.1", false, false, false),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            let all = [default.admits(ip), open.admits(ip), some.admits(ip)];
            assert_eq!(all, [by_default, by_open, by_some], "{address}");
        }
    }
}

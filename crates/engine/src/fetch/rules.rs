//! Which URLs and addresses code may come from. Pure: no lookups, no sockets.
//!
//! A place is a host or an address. Four options decide about it:
//!
//! * `allowedHosts` and `blockedHosts` are patterns. `blockedHosts` sees the host and each address that
//!   the host resolves to.
//! * Addresses that are not public are refused, whatever these patterns match.
//! * `allowPrivate` opens such addresses. The default entries of `blockedHosts` do not hold for the
//!   places that it names, because they stand for the same addresses. Other entries do.
//! * `allowedSchemes` holds for every request.

use std::net::IpAddr;

use isol8_api::options::DEFAULT_BLOCKED_HOSTS;
use isol8_egress::{
    AddressClass, AllowList, Denial, Host, Policy, PolicyError, PolicyOptions, classify,
};
use url::Url;

use super::{FetchError, FetchPolicyError};
use crate::options::RemoteCodePolicy;

/// The compiled policy.
#[derive(Debug)]
pub(super) struct Rules {
    schemes: Vec<String>,
    /// The rules for places that `allowPrivate` does not name.
    hosts: Policy,
    /// The rules for places that `allowPrivate` names.
    private_hosts: Policy,
    private: AllowList,
}

/// A host that a URL names and that the rules allow by its name.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Rules {
    /// Compiles the lists. The error names the wrong entry and its option.
    pub(super) fn new(policy: &RemoteCodePolicy) -> Result<Self, FetchPolicyError> {
        let compile = |blocked: Vec<String>| {
            Policy::new(PolicyOptions {
                whitelist: policy.allowed_hosts.clone(),
                blacklist: blocked,
                ..PolicyOptions::default()
            })
            .map_err(|error| refused(&error))
        };
        let own = policy
            .blocked_hosts
            .iter()
            .filter(|pattern| !DEFAULT_BLOCKED_HOSTS.contains(&pattern.as_str()));
        Ok(Self {
            schemes: policy.allowed_schemes.clone(),
            hosts: compile(policy.blocked_hosts.clone())?,
            private_hosts: compile(own.cloned().collect())?,
            private: AllowList::new("allowPrivate", &policy.allow_private)
                .map_err(|error| refused(&error))?,
        })
    }

    /// Whether `url` may be asked at all. `insecure` is the request's permission to use plain HTTP.
    pub(super) fn check(&self, url: &Url, insecure: bool) -> Result<Target, FetchError> {
        let scheme = url.scheme();
        if scheme == "http" && !insecure {
            return Err(FetchError::Insecure);
        }
        let listed = self.schemes.iter().any(|allowed| allowed == scheme);
        let tls = match scheme {
            "http" if listed => false,
            "https" if listed => true,
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
        let hosts = self.hosts_for(self.names(&host));
        // The policy's rules for ports are for programs. Code may come from any port.
        if hosts.judge(&host, isol8_egress::TLS_PORT).is_err() {
            return Err(FetchError::BlockedHost {
                host: host.as_str().to_owned(),
            });
        }
        let port = url
            .port_or_known_default()
            .unwrap_or(isol8_egress::TLS_PORT);
        Ok(Target { host, port, tls })
    }

    /// Whether `address`, which `target` resolved to, may be dialled. `is_own` says that it is one of
    /// this machine's interfaces.
    pub(super) fn admits(&self, target: &Target, address: IpAddr, is_own: bool) -> bool {
        let address = address.to_canonical();
        let (is_closed, is_named) = match classify(address) {
            // Whoever answers for a name must not be able to choose one of these.
            AddressClass::Forbidden => (true, self.private.has_address(address)),
            class => (
                is_own || class != AddressClass::Public,
                self.private.names(&target.host) || self.private.contains(address),
            ),
        };
        (is_named || !is_closed)
            && Host::parse(&address.to_string())
                .is_ok_and(|host| !blocks(self.hosts_for(is_named), &host))
    }

    /// Whether `allowPrivate` names `host`.
    fn names(&self, host: &Host) -> bool {
        self.private.names(host)
            || host
                .ip()
                .is_some_and(|address| self.private.contains(address))
    }

    fn hosts_for(&self, named: bool) -> &Policy {
        if named {
            &self.private_hosts
        } else {
            &self.hosts
        }
    }
}

fn refused(error: &PolicyError) -> FetchPolicyError {
    FetchPolicyError {
        message: explain(error),
    }
}

/// A wrong entry in the words of the options that it comes from.
fn explain(error: &PolicyError) -> String {
    let option = |list: &str| match list {
        "whitelist" => "remoteCode.allowedHosts",
        "blacklist" => "remoteCode.blockedHosts",
        _ => "remoteCode.allowPrivate",
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
        PolicyError::Host { list, host, reason } => {
            format!("Invalid {}: {host:?}: {reason}", option(list))
        }
    }
}

/// Whether an entry of `blockedHosts` matches `host`, whatever `allowedHosts` matches.
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
        for scheme in ["http", "ftp", "file", "data", "ws"] {
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

    /// Whether `name`, which resolves to `address`, may be asked.
    fn admits(rules: &Rules, name: &str, address: &str) -> bool {
        let url = format!("https://{name}/");
        check(rules, &url, false)
            .is_ok_and(|target| rules.admits(&target, address.parse().unwrap(), false))
    }

    #[test]
    fn an_interface_of_this_machine_is_not_public() {
        let own = |policy| {
            let rules = rules(&policy);
            let target = check(&rules, "https://code.test/", false).unwrap();
            rules.admits(&target, "93.184.216.34".parse().unwrap(), true)
        };
        assert!(!own(serde_json::json!({ "blockedHosts": [] })));
        assert!(!own(serde_json::json!({ "allowPrivate": ["10.0.0.0/8"] })));
        assert!(own(
            serde_json::json!({ "allowPrivate": ["93.184.216.34"] })
        ));
    }

    const NOT_PUBLIC: &[&str] = &[
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd12::1",
        "169.254.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fe80::1",
        "fd00:ec2::254",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2001:0:7f00:1::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
    ];

    #[test]
    fn no_pattern_opens_an_address_that_is_not_public() {
        for policy in [
            serde_json::json!({}),
            serde_json::json!({ "blockedHosts": [] }),
            serde_json::json!({ "blockedHosts": ["^localhost$"] }),
            serde_json::json!({ "blockedHosts": [], "allowedHosts": ["."] }),
        ] {
            let rules = rules(&policy);
            for address in NOT_PUBLIC {
                assert!(!admits(&rules, "code.test", address), "{policy} {address}");
                let host = if address.contains(':') {
                    format!("[{address}]")
                } else {
                    (*address).to_owned()
                };
                assert!(!admits(&rules, &host, address), "{policy} {host}");
            }
            assert!(admits(&rules, "code.test", "93.184.216.34"), "{policy}");
        }
    }

    #[test]
    fn blocked_hosts_hold_for_resolved_addresses() {
        let rules = rules(&serde_json::json!({ "blockedHosts": ["^8\\.8\\."] }));
        assert!(!admits(&rules, "code.test", "8.8.8.8"));
        assert!(!admits(&rules, "code.test", "64:ff9b::808:808"));
        assert!(admits(&rules, "code.test", "9.9.9.9"));
    }

    #[test]
    fn allow_private_opens_exactly_what_it_names() {
        let list = ["10.0.0.0/8", "127.0.0.1", "intra.test", "fd00::/8"];
        let rules = rules(&serde_json::json!({ "allowPrivate": list }));
        for (name, address, open) in [
            ("code.test", "10.1.2.3", true),
            ("code.test", "::ffff:10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("code.test", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("code.test", "127.0.0.2", false),
            ("code.test", "192.168.0.1", false),
            ("intra.test", "192.168.0.1", true),
            ("INTRA.test.", "::1", true),
            ("a.intra.test", "::1", false),
            ("code.test", "fd12::1", true),
            // A block or a name never opens metadata, nor what only carries an open address.
            ("code.test", "fd00:ec2::254", false),
            ("intra.test", "169.254.169.254", false),
            ("code.test", "64:ff9b::7f00:1", false),
            ("localhost", "127.0.0.1", false),
        ] {
            assert_eq!(admits(&rules, name, address), open, "{name} {address}");
        }
    }

    #[test]
    fn link_local_addresses_open_one_by_one() {
        let list = ["169.254.0.0/16", "169.254.7.7", "0.0.0.0/0"];
        let rules = rules(&serde_json::json!({ "allowPrivate": list }));
        assert!(admits(&rules, "code.test", "169.254.7.7"));
        assert!(admits(&rules, "169.254.7.7", "169.254.7.7"));
        assert!(!admits(&rules, "code.test", "169.254.169.254"));
        assert!(!admits(&rules, "169.254.169.254", "169.254.169.254"));
        assert!(admits(&rules, "code.test", "127.0.0.1"));
    }

    #[test]
    fn blocked_hosts_of_the_caller_win_over_allow_private() {
        let rules = rules(&serde_json::json!({
            "allowPrivate": ["10.0.0.0/8", "intra.test"],
            "blockedHosts": ["^10\\.", "^10\\.0\\.", "^intra"],
        }));
        assert!(admits(&rules, "code.test", "10.1.0.1"));
        assert!(!admits(&rules, "code.test", "10.0.0.1"));
        assert!(!admits(&rules, "intra.test", "10.1.0.1"));
    }

    #[test]
    fn plain_http_needs_the_scheme_and_the_request() {
        let url = "http://example.com/";
        let scheme = "URL scheme not allowed: ";
        let both = rules(&serde_json::json!({ "allowedSchemes": ["https", "http"] }));
        assert!(check(&both, url, true).is_ok());
        let insecure = "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.";
        assert_eq!(check(&both, url, false).unwrap_err(), insecure);
        let only = rules(&serde_json::json!({ "allowedSchemes": ["http"] }));
        assert!(check(&only, url, true).is_ok());
        let error = check(&only, "https://example.com/", true).unwrap_err();
        assert_eq!(error, format!("{scheme}https"));
        for schemes in [vec!["https"], vec![]] {
            let rules = rules(&serde_json::json!({ "allowedSchemes": schemes }));
            assert_eq!(
                check(&rules, url, true).unwrap_err(),
                format!("{scheme}http")
            );
        }
    }

    #[test]
    fn a_wrong_entry_of_allow_private_is_named() {
        let raw: RawOptions = serde_json::from_value(serde_json::json!({
            "remoteCode": { "allowPrivate": ["10.0.0.0/99"] },
        }))
        .unwrap();
        let error = Rules::new(&Options::try_from(raw).unwrap().remote_code).unwrap_err();
        let error = error.to_string();
        let start = "Invalid remoteCode.allowPrivate: \"10.0.0.0/99\": ";
        assert!(error.starts_with(start), "{error}");
    }
}

//! The rules for hosts, ports and addresses. Pure: no lookups, no sockets. Owns the compiled lists.
//!
//! Order: the blacklist, the whitelist, the port, and then the address rules for each resolved
//! address. A pattern that exceeds its time limit counts against the host.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::address::{AddressClass, classify, embedded};
use crate::host::Host;
use crate::limits::{HTTP_PORT, MAX_PATTERN, MAX_PATTERNS, TLS_PORT};
use crate::pattern::{Outcome, Pattern};
use crate::places::Places;
use crate::policy_error::{PolicyError, parse_host};

/// The rules as a caller writes them. The default allows every public address on ports 80 and 443.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// Allowed hosts, as ECMAScript patterns, not anchored, ignoring case. Empty: every public host.
    /// IPv6 addresses match with and without brackets.
    pub whitelist: Vec<String>,
    /// Refused hosts, in the same form. This list wins over every other rule.
    pub blacklist: Vec<String>,
    /// Addresses of host names that are not looked up. The address rules apply to them too.
    pub hosts: Vec<(String, Vec<IpAddr>)>,
    /// Private addresses that are allowed without a whitelist entry. Each entry is a CIDR block, an
    /// address, or an exact host name, which stands for any private address of that host.
    pub allow_private: Vec<String>,
    /// The same for addresses of this machine. A whitelist entry alone never opens these.
    pub allow_loopback: Vec<String>,
    /// The allowed ports. `None`: every port of a whitelisted host. Without a whitelist: the TLS and
    /// HTTP ports below.
    pub ports: Option<Vec<u16>>,
    /// The ports whose tunnels must begin with a TLS hello. `None`: 443.
    pub tls_ports: Option<Vec<u16>>,
    /// The ports whose tunnels carry TLS, or HTTP in which each request is judged. `None`: 80.
    pub http_ports: Option<Vec<u16>>,
}

/// Why a target is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// A blacklist entry matches.
    #[error("the blacklist matches")]
    Blacklisted,
    /// There is a whitelist and no entry matches.
    #[error("no whitelist entry matches")]
    NotWhitelisted,
    /// The port is not among those allowed.
    #[error("the port is not allowed")]
    Port,
    /// Every address of the host is refused.
    #[error("its address is not allowed")]
    Address,
}

/// The permission for a host, with the address classes that it includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    private: bool,
    loopback: bool,
}

/// Compiled rules. Cheap to clone; clones and derived policies share the patterns.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<Rules>,
    extra: Vec<Host>,
}

#[derive(Debug)]
struct Rules {
    whitelist: Vec<Pattern>,
    blacklist: Vec<Pattern>,
    hosts: HashMap<Host, Vec<IpAddr>>,
    private: Places,
    loopback: Places,
    ports: Option<Vec<u16>>,
    tls_ports: Vec<u16>,
    http_ports: Vec<u16>,
}

/// What a tunnel to a port has to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortKind {
    Tls,
    TlsOrHttp,
    Any,
}

impl Policy {
    /// Compiles `options`. The error names the wrong entry and its list.
    pub fn new(options: PolicyOptions) -> Result<Self, PolicyError> {
        let mut hosts: HashMap<Host, Vec<IpAddr>> = HashMap::new();
        for (name, addresses) in options.hosts {
            hosts
                .entry(parse_host("hosts", &name)?)
                .or_default()
                .extend(addresses);
        }
        let rules = Rules {
            whitelist: compile("whitelist", &options.whitelist)?,
            blacklist: compile("blacklist", &options.blacklist)?,
            hosts,
            private: Places::new("allowPrivate", &options.allow_private)?,
            loopback: Places::new("allowLoopback", &options.allow_loopback)?,
            ports: options.ports,
            tls_ports: options.tls_ports.unwrap_or_else(|| vec![TLS_PORT]),
            http_ports: options.http_ports.unwrap_or_else(|| vec![HTTP_PORT]),
        };
        Ok(Self {
            rules: Arc::new(rules),
            extra: Vec::new(),
        })
    }

    /// Returns this policy with exact host names added, as if each were a whitelist entry. The
    /// blacklist still wins. An empty whitelist still allows every other public host.
    pub fn with_extra_hosts(&self, hosts: &[&str]) -> Result<Self, PolicyError> {
        let mut extra = self.extra.clone();
        for host in hosts {
            extra.push(parse_host("whitelist", host)?);
        }
        Ok(Self {
            rules: Arc::clone(&self.rules),
            extra,
        })
    }

    /// Whether `host` is allowed on `port`. The caller then checks each address with
    /// [`Policy::admits`].
    pub fn judge(&self, host: &Host, port: u16) -> Result<Grant, Denial> {
        let rules = &*self.rules;
        // A pattern that exceeds its time limit counts against the host in both lists.
        if matches_any(&rules.blacklist, host, |outcome| {
            outcome != Outcome::NoMatch
        }) {
            return Err(Denial::Blacklisted);
        }
        // An IPv6 address can stand for a blacklisted IPv4 address.
        for carried in host.ipv6().into_iter().flat_map(embedded) {
            let carried = carried.to_string();
            if rules
                .blacklist
                .iter()
                .any(|p| p.test(&carried) != Outcome::NoMatch)
            {
                return Err(Denial::Blacklisted);
            }
        }
        let listed = self.extra.contains(host)
            || matches_any(&rules.whitelist, host, |outcome| outcome == Outcome::Match);
        if !listed && !rules.whitelist.is_empty() {
            return Err(Denial::NotWhitelisted);
        }
        let port_allowed = match &rules.ports {
            Some(ports) => ports.contains(&port),
            None => listed || self.port_kind(port) != PortKind::Any,
        };
        if !port_allowed || port == 0 {
            return Err(Denial::Port);
        }
        Ok(Grant {
            private: listed || rules.private.names(host),
            loopback: rules.loopback.names(host),
        })
    }

    /// Whether `address`, an address of the granted host, may be dialled.
    #[must_use]
    pub fn admits(&self, grant: Grant, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match classify(address) {
            AddressClass::Public => true,
            AddressClass::Private => grant.private || self.rules.private.contains(address),
            AddressClass::Loopback => grant.loopback || self.rules.loopback.contains(address),
            AddressClass::Never => false,
        }
    }

    pub(crate) fn port_kind(&self, port: u16) -> PortKind {
        if self.rules.tls_ports.contains(&port) {
            PortKind::Tls
        } else if self.rules.http_ports.contains(&port) {
            PortKind::TlsOrHttp
        } else {
            PortKind::Any
        }
    }

    /// The addresses that the caller gave for `host`. Such a host is not looked up.
    #[must_use]
    pub fn pinned(&self, host: &Host) -> Option<&[IpAddr]> {
        self.rules.hosts.get(host).map(Vec::as_slice)
    }
}

fn matches_any(list: &[Pattern], host: &Host, counts: impl Fn(Outcome) -> bool) -> bool {
    let bracketed = host.ipv6().map(|_| host.bracketed());
    list.iter().any(|pattern| {
        counts(pattern.test(host.as_str()))
            || bracketed
                .as_deref()
                .is_some_and(|text| counts(pattern.test(text)))
    })
}

fn compile(list: &'static str, sources: &[String]) -> Result<Vec<Pattern>, PolicyError> {
    if sources.len() > MAX_PATTERNS {
        return Err(PolicyError::TooManyPatterns { list });
    }
    let one = |(index, source): (usize, &String)| {
        if source.len() > MAX_PATTERN {
            return Err(PolicyError::PatternTooLong { list, index });
        }
        Pattern::new(source).map_err(|reason| PolicyError::Pattern {
            list,
            pattern: source.clone(),
            reason,
        })
    };
    sources.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|&s| s.to_owned()).collect()
    }

    fn policy(whitelist: &[&str], blacklist: &[&str]) -> Policy {
        Policy::new(PolicyOptions {
            whitelist: strings(whitelist),
            blacklist: strings(blacklist),
            ..PolicyOptions::default()
        })
        .unwrap()
    }

    fn judge(policy: &Policy, host: &str, port: u16) -> Result<Grant, Denial> {
        policy.judge(&Host::parse(host).unwrap(), port)
    }

    #[test]
    fn blacklist_then_whitelist_then_port() {
        let open = policy(&[], &["evil"]);
        assert!(judge(&open, "example.com", 443).is_ok());
        assert!(judge(&open, "example.com", 80).is_ok());
        assert_eq!(judge(&open, "example.com", 22), Err(Denial::Port));
        assert_eq!(judge(&open, "EVIL.example.", 443), Err(Denial::Blacklisted));

        let closed = policy(&["^(.*\\.)?Example\\.com$"], &["^admin\\."]);
        assert!(judge(&closed, "api.example.com", 22).is_ok());
        assert_eq!(judge(&closed, "api.example.com", 0), Err(Denial::Port));
        assert_eq!(
            judge(&closed, "example.com.evil.net", 443),
            Err(Denial::NotWhitelisted)
        );
        assert_eq!(
            judge(&closed, "ADMIN.example.com", 443),
            Err(Denial::Blacklisted)
        );
    }

    #[test]
    fn ipv6_matches_with_and_without_brackets() {
        for pattern in ["^2606:4700::1111$", "^\\[2606:4700::1111\\]$"] {
            assert!(judge(&policy(&[pattern], &[]), "[2606:4700:0:0::1111]", 443).is_ok());
            assert!(judge(&policy(&[], &[pattern]), "2606:4700::1111", 443).is_err());
        }
        let denied = policy(&[], &["^8\\.8\\.8\\.8$"]);
        for host in [
            "[64:ff9b::808:808]",
            "[2002:808:808::1]",
            "[::ffff:8.8.8.8]",
            "8.8.2056",
        ] {
            assert_eq!(
                judge(&denied, host, 443),
                Err(Denial::Blacklisted),
                "{host}"
            );
        }
    }

    #[test]
    fn address_rules() {
        let admits = |policy: &Policy, host: &str, address: &str| {
            let grant = judge(policy, host, 443).unwrap();
            policy.admits(grant, address.parse().unwrap())
        };
        let open = policy(&[], &[]);
        let listed = policy(&["."], &[]);
        for (address, by_open, by_listed) in [
            ("8.8.8.8", true, true),
            ("10.0.0.1", false, true),
            ("fd00::1", false, true),
            ("127.0.0.1", false, false),
            ("::1", false, false),
            ("::ffff:127.0.0.1", false, false),
            ("169.254.169.254", false, false),
            ("0.0.0.0", false, false),
            ("64:ff9b::7f00:1", false, false),
        ] {
            assert_eq!(admits(&open, "a.test", address), by_open, "{address}");
            assert_eq!(admits(&listed, "a.test", address), by_listed, "{address}");
        }
        let opened = Policy::new(PolicyOptions {
            allow_private: strings(&["10.0.0.0/8", "intra.test", "fd00::5"]),
            allow_loopback: strings(&["127.0.0.0/8", "self.test"]),
            ..PolicyOptions::default()
        })
        .unwrap();
        assert!(admits(&opened, "a.test", "10.1.1.1"));
        assert!(admits(&opened, "a.test", "fd00::5"));
        assert!(!admits(&opened, "a.test", "192.168.0.1"));
        assert!(admits(&opened, "Intra.test.", "192.168.0.1"));
        assert!(admits(&opened, "a.test", "127.0.0.9"));
        assert!(admits(&opened, "a.test", "::ffff:127.0.0.9"));
        assert!(!admits(&opened, "a.test", "::1"));
        assert!(admits(&opened, "self.test", "::1"));
        assert!(!admits(&opened, "self.test", "169.254.1.1"));
        assert!(!admits(&opened, "self.test", "64:ff9b::127.0.0.1"));
    }

    #[test]
    fn extra_hosts_are_exact_and_below_the_blacklist() {
        let base = policy(&["^a\\.test$"], &["bad"]);
        let derived = base.with_extra_hosts(&["Registry.Test."]).unwrap();
        assert!(judge(&derived, "registry.test", 8443).is_ok());
        assert!(judge(&derived, "a.test", 443).is_ok());
        assert!(judge(&derived, "x.registry.test", 443).is_err());
        assert!(judge(&base, "registry.test", 443).is_err());
        let bad = base.with_extra_hosts(&["bad.test"]).unwrap();
        assert_eq!(judge(&bad, "bad.test", 443), Err(Denial::Blacklisted));
        assert!(base.with_extra_hosts(&["a b"]).is_err());
        assert!(
            judge(
                &policy(&[], &[]).with_extra_hosts(&["r.test"]).unwrap(),
                "b.test",
                80
            )
            .is_ok()
        );
    }

    #[test]
    fn ports_override() {
        let policy = Policy::new(PolicyOptions {
            whitelist: strings(&["a"]),
            ports: Some(vec![8080]),
            ..PolicyOptions::default()
        })
        .unwrap();
        assert!(judge(&policy, "a", 8080).is_ok());
        assert_eq!(judge(&policy, "a", 443), Err(Denial::Port));
    }

    #[test]
    fn errors_name_the_entry_and_the_list() {
        let error = Policy::new(PolicyOptions {
            blacklist: strings(&["ok", "(oops"]),
            ..PolicyOptions::default()
        })
        .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("invalid pattern in network blacklist: \"(oops\"")
        );
        assert_eq!(error.code(), "NETWORK_PATTERN_INVALID");
        let error = Policy::new(PolicyOptions {
            allow_private: strings(&["10.0.0.0/99"]),
            ..PolicyOptions::default()
        })
        .unwrap_err();
        assert!(
            error.to_string().contains("allowPrivate: \"10.0.0.0/99\""),
            "{error}"
        );
    }

    #[test]
    fn a_pattern_that_hangs_closes() {
        let slow = "^(?=(.+\\.)*never$)";
        let host = "a.".repeat(24) + "b";
        assert_eq!(
            judge(&policy(&[], &[slow]), &host, 443),
            Err(Denial::Blacklisted)
        );
        assert_eq!(
            judge(&policy(&[slow], &[]), &host, 443),
            Err(Denial::NotWhitelisted)
        );
    }
}

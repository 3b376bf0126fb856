//! The compiled rules, and what they decide.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::allow_list::AllowList;
use super::denial::Denial;
use super::error::{PolicyError, parse_host};
use super::options::PolicyOptions;
use super::pattern_list::PatternList;
use crate::address::{AddressClass, classify, embedded};
use crate::host::Host;
use crate::limits::{HTTP_PORT, MATCH_TIME, TLS_PORT};
use crate::pattern::MatchBudget;

/// The permission for a host, with the address classes that it includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// It was named for an installation.
    extra: bool,
    /// A whitelist entry matches.
    listed: bool,
}

/// Compiled rules. Cheap to clone; clones and derived policies share the patterns.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<Rules>,
    extra: Vec<Host>,
}

#[derive(Debug)]
struct Rules {
    whitelist: PatternList,
    blacklist: PatternList,
    hosts: HashMap<Host, Vec<IpAddr>>,
    private: AllowList,
    loopback: AllowList,
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
            whitelist: PatternList::new("whitelist", &options.whitelist)?,
            blacklist: PatternList::new("blacklist", &options.blacklist)?,
            hosts,
            private: AllowList::new("allowPrivate", &options.allow_private)?,
            loopback: AllowList::new("allowLoopback", &options.allow_loopback)?,
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

    /// Whether `host` may be reached on `port` at all. Its addresses are still to be checked with
    /// [`Policy::admits`]. Takes 50 ms at most, and next to nothing if [`Policy::is_fast`].
    pub fn judge(&self, host: &Host, port: u16) -> Result<Grant, Denial> {
        let rules = &*self.rules;
        let mut budget = MatchBudget::new(MATCH_TIME);
        if rules.blacklist.matches(host, &mut budget)? {
            return Err(Denial::Blacklisted);
        }
        // An IPv6 address can stand for a blacklisted IPv4 address.
        for carried in host.ipv6().into_iter().flat_map(embedded) {
            if rules.blacklist.matches(&Host::from(carried), &mut budget)? {
                return Err(Denial::Blacklisted);
            }
        }
        let extra = self.extra.contains(host);
        let listed = !extra && rules.whitelist.matches(host, &mut budget)?;
        if !extra && !listed && !rules.whitelist.is_empty() {
            return Err(Denial::NotWhitelisted);
        }
        let port_allowed = match &rules.ports {
            Some(ports) => ports.contains(&port),
            None => extra || listed || self.port_kind(port) != PortKind::Any,
        };
        if !port_allowed || port == 0 {
            return Err(Denial::Port);
        }
        Ok(Grant { extra, listed })
    }

    /// Whether `address`, to which the granted `host` has resolved, may be dialled. `is_own` says
    /// that it is one of this machine's interfaces. Takes as long as [`Policy::judge`].
    pub fn admits(
        &self,
        host: &Host,
        grant: Grant,
        address: IpAddr,
        is_own: bool,
    ) -> Result<(), Denial> {
        let rules = &*self.rules;
        let mut budget = MatchBudget::new(MATCH_TIME);
        let address = address.to_canonical();
        // A host that is an address itself has been judged as one.
        if host.ip().is_none() {
            let carried = match address {
                IpAddr::V6(six) => embedded(six).map(IpAddr::from).collect(),
                IpAddr::V4(_) => Vec::new(),
            };
            for address in [address].into_iter().chain(carried) {
                if rules.blacklist.matches_address(address, &mut budget)? {
                    return Err(Denial::Blacklisted);
                }
            }
        }
        match classify(address) {
            AddressClass::Forbidden => Err(Denial::ForbiddenAddress),
            class if is_own || class == AddressClass::Loopback => {
                let open = rules.loopback.names(host) || rules.loopback.contains(address);
                open.then_some(()).ok_or(Denial::HostAddress)
            }
            AddressClass::Private => {
                let open = grant.extra
                    || rules.private.names(host)
                    || rules.private.contains(address)
                    || grant.listed && rules.whitelist.singles_out(host, &mut budget)?;
                open.then_some(()).ok_or(Denial::PrivateAddress)
            }
            AddressClass::Public | AddressClass::Loopback => Ok(()),
        }
    }

    /// Whether every decision takes next to no time: no pattern needs backtracking.
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.rules.whitelist.is_linear() && self.rules.blacklist.is_linear()
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
            let host = Host::parse(host).unwrap();
            policy
                .admits(&host, grant, address.parse().unwrap(), false)
                .is_ok()
        };
        let open = policy(&[], &[]);
        let catch_all = policy(&["."], &[]);
        let listed = policy(&["^a\\.test$"], &[]);
        for (address, by_open, by_listed) in [
            ("8.8.8.8", true, true),
            ("10.0.0.1", false, true),
            ("fd00::1", false, true),
            ("127.0.0.1", false, false),
            ("::1", false, false),
            ("::ffff:127.0.0.1", false, false),
            ("169.254.169.254", false, false),
            ("fd00:ec2::23", false, false),
            ("0.0.0.0", false, false),
            ("64:ff9b::7f00:1", false, false),
        ] {
            assert_eq!(admits(&open, "a.test", address), by_open, "{address}");
            assert_eq!(admits(&catch_all, "a.test", address), by_open, "{address}");
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
    fn the_blacklist_holds_for_resolved_addresses() {
        let refused = |policy: &Policy, address: &str| {
            let host = Host::parse("a.test").unwrap();
            let grant = policy.judge(&host, 443).unwrap();
            let address = address.parse().unwrap();
            policy.admits(&host, grant, address, false) == Err(Denial::Blacklisted)
        };
        let some = policy(&[], &["^8\\.8\\.", "^2620:fe::", "^\\[2400:cb00::1\\]$"]);
        for address in [
            "8.8.4.4",
            "::ffff:8.8.4.4",
            "64:ff9b::808:404",
            "2002:808:404::1",
            "2620:fe::fe",
            "2400:cb00::1",
        ] {
            assert!(refused(&some, address), "{address}");
        }
        for address in ["8.9.4.4", "2620:ff::fe", "2400:cb00::2"] {
            assert!(!refused(&some, address), "{address}");
        }
        // A pattern that every address matches refuses addresses in the place of names.
        let literals = policy(&[], &["^[\\d.]+$", ":"]);
        for address in ["8.8.4.4", "2620:fe::fe"] {
            assert!(!refused(&literals, address), "{address}");
            assert_eq!(judge(&literals, address, 443), Err(Denial::Blacklisted));
        }
    }

    #[test]
    fn addresses_of_interfaces_are_the_hosts_own() {
        let host = Host::parse("a.test").unwrap();
        let decide = |options: PolicyOptions, address: &str| {
            let policy = Policy::new(options).unwrap();
            let grant = policy.judge(&host, 443).unwrap();
            policy.admits(&host, grant, address.parse().unwrap(), true)
        };
        let listed = PolicyOptions {
            whitelist: strings(&["^a\\.test$"]),
            allow_private: strings(&["10.0.0.0/8", "a.test"]),
            ..PolicyOptions::default()
        };
        for address in ["8.8.8.8", "10.0.0.1", "2620:fe::fe"] {
            assert_eq!(decide(listed.clone(), address), Err(Denial::HostAddress));
            let opened = PolicyOptions {
                allow_loopback: strings(&[address]),
                ..listed.clone()
            };
            assert_eq!(decide(opened, address), Ok(()));
        }
        let never = PolicyOptions {
            allow_loopback: strings(&["a.test", "0.0.0.0/0"]),
            ..listed
        };
        let forbidden = decide(never, "169.254.169.254");
        assert_eq!(forbidden, Err(Denial::ForbiddenAddress));
    }

    #[test]
    fn a_pattern_that_takes_too_long_denies_by_its_name() {
        let slow = "^(a+)+\\1x$";
        let host = "a".repeat(60);
        for (list, policy) in [
            ("blacklist", policy(&[], &[slow])),
            ("whitelist", policy(&[slow], &[])),
        ] {
            let Err(denial) = judge(&policy, &host, 443) else {
                panic!("{list}");
            };
            assert_eq!(denial.code(), "pattern_timeout");
            assert_eq!(
                denial.to_string(),
                format!("the {list} pattern {slow:?} took longer than 50 ms")
            );
            assert!(!policy.is_fast());
            // The same pattern decides about the next host.
            let expected = list == "blacklist";
            assert_eq!(judge(&policy, "b.test", 443).is_ok(), expected);
        }
        // A linear pattern that matches is enough.
        let both = policy(&[slow, "^a+$"], &[]);
        assert!(judge(&both, &host, 443).is_ok());
    }
}

//! The compiled rules, and what they decide.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::allow_list::AllowList;
use super::denial::Denial;
use super::error::{PolicyError, parse_host};
use super::extra_host::{ExtraHost, ExtraHosts, Opens};
use super::options::PolicyOptions;
use super::pattern_list::PatternList;
use crate::address::{AddressClass, classify, embedded};
use crate::host::Host;
use crate::limits::{HTTP_PORT, MATCH_TIME, TLS_PORT};
use crate::pattern::MatchBudget;

/// The permission for a host, with the address classes that it includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What naming it for an installation opens.
    extra: Option<Opens>,
    /// A whitelist entry matches.
    listed: bool,
}

/// Compiled rules. Cheap to clone; clones and derived policies share the patterns.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Arc<Rules>,
    extra: ExtraHosts,
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
            extra: ExtraHosts::default(),
        })
    }

    /// Returns this policy with hosts for an installation added. The blacklist still wins. An empty
    /// whitelist still allows every other public host.
    pub fn with_extra_hosts(&self, hosts: &[ExtraHost]) -> Result<Self, PolicyError> {
        Ok(Self {
            rules: Arc::clone(&self.rules),
            extra: self.extra.with(hosts)?,
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
        let extra = self.extra.opens(host, port);
        let listed = rules.whitelist.matches(host, &mut budget)?;
        if extra.is_none() && !listed && !rules.whitelist.is_empty() {
            return Err(Denial::NotWhitelisted);
        }
        let port_allowed = match &rules.ports {
            _ if extra == Some(Opens::Loopback) => true,
            Some(ports) => ports.contains(&port),
            None => extra.is_some() || listed || self.port_kind(port) != PortKind::Any,
        };
        if !port_allowed || port == 0 {
            return Err(Denial::Port);
        }
        Ok(Grant { extra, listed })
    }

    /// Whether `address`, to which the granted `host` has resolved, may be dialled. `is_own` is true
    /// for an address of this machine's interfaces. Takes as long as [`Policy::judge`].
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
                let open = grant.extra == Some(Opens::Loopback)
                    || rules.loopback.names(host)
                    || rules.loopback.contains(address);
                open.then_some(()).ok_or(Denial::HostAddress)
            }
            AddressClass::Private => {
                let open = grant.extra >= Some(Opens::Private)
                    || rules.private.names(host)
                    || rules.private.contains(address)
                    || grant.listed && rules.whitelist.is_specific_to(host, &mut budget)?;
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
mod tests;

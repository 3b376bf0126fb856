//! Hosts that an installation may reach in addition to what the rules allow.

use super::error::{PolicyError, parse_host};
use crate::host::Host;
use crate::limits::{HTTP_PORT, TLS_PORT};

/// A host beside the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraHost {
    /// This host, at public addresses and on the ports 80 and 443.
    Public(String),
    /// The same for a host whose owner is known, also at private addresses: its name may lead to a mirror.
    Known(String),
    /// This host on this port and no other, also at private addresses and at those of this machine.
    Exact(String, u16),
}

/// What an extra host opens, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Opens {
    Public,
    Private,
    Loopback,
}

/// Hosts beside the rules, ready for comparison. The port is that of an exact one.
#[derive(Debug, Clone, Default)]
pub(super) struct ExtraHosts(Vec<(Host, Opens, Option<u16>)>);

impl ExtraHosts {
    /// These and `hosts`. The error names the one that is no host.
    pub(super) fn with(&self, hosts: &[ExtraHost]) -> Result<Self, PolicyError> {
        let mut all = self.0.clone();
        for host in hosts {
            let (name, opens, port) = match host {
                ExtraHost::Public(name) => (name, Opens::Public, None),
                ExtraHost::Known(name) => (name, Opens::Private, None),
                ExtraHost::Exact(name, port) => (name, Opens::Loopback, Some(*port)),
            };
            all.push((parse_host("whitelist", name)?, opens, port));
        }
        Ok(Self(all))
    }

    /// The most that is opened at `host` on `port`; `None` when it is not among these hosts.
    pub(super) fn opens(&self, host: &Host, port: u16) -> Option<Opens> {
        let usual = [HTTP_PORT, TLS_PORT].contains(&port);
        let matching = self.0.iter().filter(|(known, _, exact)| {
            known == host && exact.map_or(usual, |exact| exact == port)
        });
        matching.map(|(_, opens, _)| *opens).max()
    }
}

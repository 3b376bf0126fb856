//! Targets whose addresses an operator has opened: blocks, addresses and exact names.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::{PolicyError, parse_host};
use crate::host::Host;

/// A list of CIDR blocks, addresses and exact host names.
#[derive(Debug)]
pub(super) struct AllowList {
    blocks: Vec<IpNet>,
    hosts: Vec<Host>,
}

impl AllowList {
    /// Reads `entries` of the option `list`.
    pub(super) fn new(list: &'static str, entries: &[String]) -> Result<Self, PolicyError> {
        let mut allowed = Self {
            blocks: Vec::new(),
            hosts: Vec::new(),
        };
        for entry in entries {
            if let Ok(block) = entry.parse::<IpNet>() {
                allowed.blocks.push(block);
                continue;
            }
            let host = parse_host(list, entry)?;
            match host.ip() {
                Some(ip) => allowed.blocks.push(ip.into()),
                None => allowed.hosts.push(host),
            }
        }
        Ok(allowed)
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(&address))
    }

    pub(super) fn names(&self, host: &Host) -> bool {
        self.hosts.contains(host)
    }
}

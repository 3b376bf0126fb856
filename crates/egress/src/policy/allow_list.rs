//! Targets whose addresses an operator has opened: blocks, addresses and exact names.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::{PolicyError, parse_host};
use crate::host::Host;

/// A list of CIDR blocks, addresses and exact host names.
#[derive(Debug)]
pub struct AllowList {
    blocks: Vec<IpNet>,
    hosts: Vec<Host>,
}

impl AllowList {
    /// Reads `entries` of the option `list`. The error names the wrong entry and the list.
    pub fn new(list: &'static str, entries: &[String]) -> Result<Self, PolicyError> {
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

    /// Whether a block or an address of the list covers `address`.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(&address))
    }

    /// Whether the list has exactly `address`, and not only a block around it.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.blocks.contains(&address.into())
    }

    /// Whether the list has exactly the name `host`.
    #[must_use]
    pub fn names(&self, host: &Host) -> bool {
        self.hosts.contains(host)
    }
}

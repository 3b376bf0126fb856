//! A list of places on the network, as callers write it: blocks, addresses and exact names.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::host::Host;
use crate::policy_error::{PolicyError, parse_host};

/// A list of CIDR blocks, addresses and exact host names.
#[derive(Debug)]
pub(crate) struct Places {
    blocks: Vec<IpNet>,
    hosts: Vec<Host>,
}

impl Places {
    pub(crate) fn new(list: &'static str, entries: &[String]) -> Result<Self, PolicyError> {
        let mut places = Self {
            blocks: Vec::new(),
            hosts: Vec::new(),
        };
        for entry in entries {
            if let Ok(block) = entry.parse::<IpNet>() {
                places.blocks.push(block);
                continue;
            }
            let host = parse_host(list, entry)?;
            match host.ip() {
                Some(ip) => places.blocks.push(ip.into()),
                None => places.hosts.push(host),
            }
        }
        Ok(places)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(&address))
    }

    pub(crate) fn names(&self, host: &Host) -> bool {
        self.hosts.contains(host)
    }
}

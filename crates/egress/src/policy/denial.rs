//! Why a target is denied.

use std::sync::Arc;

/// Why a target is denied. The texts are for the operator. A client gets [`Denial::advice`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// A blacklist entry matches the host or its address.
    #[error("the blacklist matches")]
    Blacklisted,
    /// There is a whitelist and no entry matches.
    #[error("no whitelist entry matches")]
    NotWhitelisted,
    /// A pattern could not be matched in time.
    #[error("the {list} pattern {pattern:?} took longer than 50 ms")]
    PatternTimeout {
        /// `whitelist` or `blacklist`.
        list: &'static str,
        /// The pattern as written.
        pattern: Arc<str>,
    },
    /// The port is not among those allowed.
    #[error("the port is not allowed")]
    Port,
    /// The host has a private address, which no specific whitelist entry and no `allowPrivate` opens.
    #[error("its address is private, and allowPrivate does not list it")]
    PrivateAddress,
    /// The host has an address of this machine, which `allowLoopback` does not open.
    #[error("its address is the host's own, and allowLoopback does not list it")]
    HostAddress,
    /// The host has an address that is never reached: cloud metadata, link-local, multicast.
    #[error("its address is never allowed")]
    ForbiddenAddress,
}

impl Denial {
    /// A stable name for programs. What the lists decide is `filter_mismatch`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Blacklisted | Self::NotWhitelisted => "filter_mismatch",
            Self::PatternTimeout { .. } => "pattern_timeout",
            Self::Port => "port_not_allowed",
            Self::PrivateAddress => "private_address",
            Self::HostAddress => "host_address",
            Self::ForbiddenAddress => "forbidden_address",
        }
    }

    /// The option that decided, for the client's answer; `None` where no option would allow the target.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Blacklisted => Some("networkFilter.blacklist matches it"),
            Self::NotWhitelisted => Some("networkFilter.whitelist can allow it"),
            Self::Port => {
                Some("its port is not open; networkFilter.ports or .whitelist can allow it")
            }
            Self::PrivateAddress => {
                Some("its address is private; networkFilter.allowPrivate can allow it")
            }
            Self::HostAddress => {
                Some("its address is the host's own; networkFilter.allowLoopback can allow it")
            }
            Self::PatternTimeout { .. } | Self::ForbiddenAddress => None,
        }
    }
}

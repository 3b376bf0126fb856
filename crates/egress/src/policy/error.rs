//! Why a policy cannot be made.

use crate::host::{Host, HostError};
use crate::limits::{MAX_PATTERN, MAX_PATTERNS};

/// Why a policy cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A pattern is not an ECMAScript regular expression.
    #[error("invalid pattern in network {list}: {pattern:?}: {reason}")]
    Pattern {
        /// `whitelist` or `blacklist`.
        list: &'static str,
        /// The pattern as written.
        pattern: String,
        /// The parser's message.
        reason: String,
    },
    /// A pattern is longer than [`MAX_PATTERN`].
    #[error("pattern {index} in network {list} is longer than {MAX_PATTERN} bytes")]
    PatternTooLong {
        /// `whitelist` or `blacklist`.
        list: &'static str,
        /// Its position, from 0.
        index: usize,
    },
    /// A list has more than [`MAX_PATTERNS`] entries.
    #[error("network {list} has more than {MAX_PATTERNS} entries")]
    TooManyPatterns {
        /// `whitelist` or `blacklist`.
        list: &'static str,
    },
    /// An entry is neither a host name nor an address.
    #[error("invalid host in network {list}: {host:?}: {reason}")]
    Host {
        /// The option with the entry.
        list: &'static str,
        /// The host as written.
        host: String,
        /// What is wrong with it.
        reason: HostError,
    },
}

impl PolicyError {
    /// The stable code of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pattern { .. } => "NETWORK_PATTERN_INVALID",
            Self::PatternTooLong { .. } => "NETWORK_PATTERN_TOO_LONG",
            Self::TooManyPatterns { .. } => "NETWORK_PATTERNS_TOO_MANY",
            Self::Host { .. } => "NETWORK_HOST_INVALID",
        }
    }
}

/// Normalises a host of the caller's option `list`.
pub(crate) fn parse_host(list: &'static str, host: &str) -> Result<Host, PolicyError> {
    Host::parse(host).map_err(|reason| PolicyError::Host {
        list,
        host: host.to_owned(),
        reason,
    })
}

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
        /// The parser's words.
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
    /// A host name or address is not one.
    #[error("invalid host in network {list}: {host:?}: {reason}")]
    Host {
        /// The option it stands in.
        list: &'static str,
        /// The host as written.
        host: String,
        /// Why.
        reason: HostError,
    },
}

impl PolicyError {
    /// A stable name for programs.
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

/// Normalises a host that the caller wrote in `list`.
pub(crate) fn parse_host(list: &'static str, host: &str) -> Result<Host, PolicyError> {
    Host::parse(host).map_err(|reason| PolicyError::Host {
        list,
        host: host.to_owned(),
        reason,
    })
}

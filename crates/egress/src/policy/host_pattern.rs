//! One entry of a list, matched with hosts.

use std::sync::Arc;

use crate::host::Host;
use crate::pattern::{MatchBudget, Pattern, TimedOut};

/// A compiled entry of the whitelist or the blacklist.
#[derive(Debug)]
pub(super) struct HostPattern(Pattern);

impl HostPattern {
    /// Compiles `source`. The error says what is wrong with it.
    pub(super) fn new(source: &str) -> Result<Self, String> {
        Pattern::new(source).map(Self)
    }

    /// Whether it matches `host`. IPv6 addresses match with and without brackets.
    pub(super) fn matches(&self, host: &Host, budget: &mut MatchBudget) -> Result<bool, TimedOut> {
        if self.0.matches(host.as_str(), budget)? {
            return Ok(true);
        }
        match host.ipv6() {
            Some(_) => self.0.matches(&host.bracketed(), budget),
            None => Ok(false),
        }
    }

    /// Whether it never runs out of time.
    pub(super) fn is_linear(&self) -> bool {
        self.0.is_linear()
    }

    /// The entry as written.
    pub(super) fn source(&self) -> &Arc<str> {
        self.0.source()
    }
}

//! The log of a run as its reader sees it.

use std::time::Duration;

use super::reason::BlockReason;

/// The decision of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The filter allowed it. The target may still have been unreachable.
    Allow,
    /// The filter blocked it.
    Block,
}

/// One request or tunnel, or several equal ones that were blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Time of the first decision, in milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// `CONNECT` or the request's method.
    pub method: String,
    /// The normalised host.
    pub host: String,
    /// The path without its query, which often carries credentials; `None` for a tunnel.
    pub path: Option<String>,
    /// Why it was blocked; `None` if it was allowed.
    pub blocked: Option<BlockReason>,
    /// How many equal requests were blocked for the same reason. 1 for an allowed one.
    pub count: u64,
    /// Duration of the first until its end, or until now while it is open.
    pub duration: Duration,
}

impl LogEntry {
    /// The decision of the filter.
    #[must_use]
    pub fn action(&self) -> Action {
        if self.blocked.is_some() {
            Action::Block
        } else {
            Action::Allow
        }
    }

    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        self.method.len() + self.host.len() + self.path.as_ref().map_or(0, String::len)
    }
}

/// A copy of the log of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkLog {
    /// In the order of their decisions.
    pub entries: Vec<LogEntry>,
    /// Allowed requests and tunnels that did not fit.
    pub dropped_allowed: u64,
    /// Blocked requests and tunnels that did not fit.
    pub dropped_blocked: u64,
    /// Bytes written to upstream connections, heads included.
    pub bytes_sent: u64,
    /// Bytes read from upstream connections, heads included.
    pub bytes_received: u64,
}

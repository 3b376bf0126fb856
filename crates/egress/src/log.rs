//! The network log of one run. It is bounded: past [`MAX_LOG_ENTRIES`] or [`MAX_LOG_BYTES`] only a count
//! is kept.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::OwnedMutexGuard;

use crate::limits::{MAX_LOG_BYTES, MAX_LOG_ENTRIES, MAX_LOGGED_METHOD, MAX_LOGGED_PATH};

/// The decision of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The filter allowed it. The target may still have been unreachable.
    Allow,
    /// The filter blocked it.
    Block,
}

impl Action {
    /// The public name: `ALLOW` or `BLOCK`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Block => "BLOCK",
        }
    }
}

/// One request or tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Time of the decision, in milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// `CONNECT` or the request's method.
    pub method: String,
    /// The normalised host.
    pub host: String,
    /// The path without its query, which often carries credentials; `None` for a tunnel.
    pub path: Option<String>,
    /// The decision of the filter.
    pub action: Action,
    /// Duration until its end, or until now while it is open.
    pub duration: Duration,
}

/// A block, as a security event: type `network_blocked`, reason `filter_mismatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Time, in milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// What was blocked and why, for people.
    pub message: String,
    /// `CONNECT` or the request's method.
    pub method: String,
    /// The normalised host.
    pub host: String,
}

impl SecurityEvent {
    /// The event's public type.
    pub const TYPE: &str = "network_blocked";
    /// The event's public reason.
    pub const REASON: &str = "filter_mismatch";
}

/// A copy of the log of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkLog {
    /// In the order of their decisions.
    pub entries: Vec<LogEntry>,
    /// In the order of their times.
    pub events: Vec<SecurityEvent>,
    /// Entries that did not fit.
    pub dropped_entries: u64,
    /// Events that did not fit.
    pub dropped_events: u64,
    /// Bytes written to upstream connections, heads included.
    pub bytes_sent: u64,
    /// Bytes read from upstream connections, heads included.
    pub bytes_received: u64,
}

/// Collects the log of one run. A connection writes to the log that it was opened with.
#[derive(Debug, Default)]
pub struct RunLog {
    records: Mutex<Records>,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicUsize,
    /// Held while a pattern with backtracking is matched for this run: one at a time.
    deciding: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Records {
    entries: Vec<(LogEntry, Clock)>,
    entry_bytes: usize,
    events: Vec<SecurityEvent>,
    event_bytes: usize,
    dropped_entries: u64,
    dropped_events: u64,
}

#[derive(Debug, Clone, Copy)]
enum Clock {
    Running(Instant),
    Stopped,
}

impl RunLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Returns what has been collected so far.
    #[must_use]
    pub fn snapshot(&self) -> NetworkLog {
        let records = self.records();
        let entries = records.entries.iter().map(|(entry, clock)| {
            let mut entry = entry.clone();
            if let Clock::Running(since) = clock {
                entry.duration = since.elapsed();
            }
            entry
        });
        NetworkLog {
            entries: entries.collect(),
            events: records.events.clone(),
            dropped_entries: records.dropped_entries,
            dropped_events: records.dropped_events,
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
        }
    }

    /// Opens an entry. Its duration ends when the returned handle is dropped.
    pub(crate) fn open(
        self: &Arc<Self>,
        method: &str,
        host: &str,
        path: Option<&str>,
    ) -> OpenEntry {
        let entry = LogEntry {
            timestamp_ms: now_ms(),
            method: clip(method, MAX_LOGGED_METHOD),
            host: host.to_owned(),
            path: path.map(|path| clip(path, MAX_LOGGED_PATH)),
            action: Action::Allow,
            duration: Duration::ZERO,
        };
        let bytes =
            entry.method.len() + entry.host.len() + entry.path.as_ref().map_or(0, String::len);
        let mut records = self.records();
        let index = if records.entries.len() < MAX_LOG_ENTRIES
            && records.entry_bytes + bytes <= MAX_LOG_BYTES
        {
            records.entry_bytes += bytes;
            records
                .entries
                .push((entry.clone(), Clock::Running(Instant::now())));
            Some(records.entries.len() - 1)
        } else {
            records.dropped_entries += 1;
            None
        };
        drop(records);
        OpenEntry {
            run: Arc::clone(self),
            index,
            method: entry.method,
            host: entry.host,
        }
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns a permit for one of at most `most` connections. Dropping it gives it back.
    pub(crate) fn enter(self: &Arc<Self>, most: usize) -> Option<Place> {
        // The permit is made before the check, so that its drop undoes the count when there is no room.
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            run: Arc::clone(self),
        };
        (before < most).then_some(place)
    }

    /// Waits until no other decision of this run is being made that can take long.
    pub(crate) async fn decision_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.deciding).lock_owned().await
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // Every change leaves the records consistent, so a panic elsewhere does no harm here.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection of a run.
pub(crate) struct Place {
    run: Arc<RunLog>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An entry whose duration has not ended.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    run: Arc<RunLog>,
    index: Option<usize>,
    method: String,
    host: String,
}

impl OpenEntry {
    /// Turns the entry into a block and adds the security event.
    pub(crate) fn block(&self, why: &str) {
        let mut records = self.run.records();
        if let Some((entry, _)) = self.index.and_then(|index| records.entries.get_mut(index)) {
            entry.action = Action::Block;
        }
        let event = SecurityEvent {
            timestamp_ms: now_ms(),
            message: format!("{} to {} blocked: {why}", self.method, self.host),
            method: self.method.clone(),
            host: self.host.clone(),
        };
        let bytes = event.message.len() + event.method.len() + event.host.len();
        if records.events.len() < MAX_LOG_ENTRIES && records.event_bytes + bytes <= MAX_LOG_BYTES {
            records.event_bytes += bytes;
            records.events.push(event);
        } else {
            records.dropped_events += 1;
        }
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        let mut records = self.run.records();
        if let Some((entry, clock)) = self.index.and_then(|index| records.entries.get_mut(index))
            && let Clock::Running(since) = *clock
        {
            entry.duration = since.elapsed();
            *clock = Clock::Stopped;
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns at most `most` bytes of `text`, cut between characters.
fn clip(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_bounded_and_counted() {
        let run = RunLog::new();
        for _ in 0..MAX_LOG_ENTRIES + 3 {
            run.open("GET", "a.test", Some("/")).block("test");
        }
        let log = run.snapshot();
        assert_eq!(
            (log.entries.len(), log.dropped_entries),
            (MAX_LOG_ENTRIES, 3)
        );
        assert_eq!((log.events.len(), log.dropped_events), (MAX_LOG_ENTRIES, 3));
    }

    #[test]
    fn long_entries_are_bounded_in_bytes() {
        let run = RunLog::new();
        let path = "x".repeat(MAX_LOGGED_PATH);
        for _ in 0..MAX_LOG_ENTRIES {
            run.open("GET", &"h".repeat(1000), Some(&path)).block("no");
        }
        let log = run.snapshot();
        let bytes = |entry: &LogEntry| {
            entry.method.len() + entry.host.len() + entry.path.as_ref().map_or(0, String::len)
        };
        let kept: usize = log.entries.iter().map(bytes).sum();
        assert!(kept <= MAX_LOG_BYTES && kept > MAX_LOG_BYTES / 2, "{kept}");
        assert_eq!(
            log.entries.len() as u64 + log.dropped_entries,
            MAX_LOG_ENTRIES as u64
        );
        let kept: usize = log.events.iter().map(|event| event.message.len()).sum();
        assert!(kept <= MAX_LOG_BYTES && kept > MAX_LOG_BYTES / 4, "{kept}");
    }

    #[test]
    fn a_block_after_the_fact_changes_the_entry() {
        let run = RunLog::new();
        let entry = run.open("CONNECT", "a.test", None);
        assert_eq!(run.snapshot().entries[0].action, Action::Allow);
        entry.block("no");
        drop(entry);
        let log = run.snapshot();
        assert_eq!(log.entries[0].action, Action::Block);
        assert_eq!(log.entries[0].action.as_str(), "BLOCK");
        assert_eq!(log.events[0].message, "CONNECT to a.test blocked: no");
        assert_eq!(run.snapshot(), log, "a closed entry's time stands still");
    }

    #[test]
    fn long_parts_are_clipped() {
        let run = RunLog::new();
        run.open(&"M".repeat(99), "a", Some(&"é".repeat(MAX_LOGGED_PATH)));
        let entry = run.snapshot().entries.remove(0);
        assert_eq!(entry.method.len(), MAX_LOGGED_METHOD);
        assert!(entry.path.is_some_and(|path| path.len() <= MAX_LOGGED_PATH));
    }

    #[test]
    fn places_are_given_back() {
        let run = RunLog::new();
        let first = run.enter(1);
        assert!(first.is_some());
        assert!(run.enter(1).is_none());
        drop(first);
        assert!(run.enter(1).is_some());
    }
}

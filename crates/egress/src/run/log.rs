//! Collects entries. Pure and bounded: allowed and blocked ones have room of their own, equal blocked
//! ones share one entry, and the rest is counted. So blocked requests take no room from allowed ones,
//! and nothing disappears without a trace.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::entry::LogEntry;
use super::reason::BlockReason;
use crate::limits::{MAX_LOG_BYTES, MAX_LOG_ENTRIES};

/// The entries of one run, numbered in the order in which they were opened.
#[derive(Debug, Default)]
pub(super) struct Log {
    next: u64,
    allowed: Entries,
    blocked: Entries,
    /// Numbers of the blocked entries by what makes them equal.
    equal: HashMap<Identity, u64>,
}

/// The log that a run shares with its open entries.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedLog(Arc<Mutex<Log>>);

impl SharedLog {
    pub(super) fn lock(&self) -> MutexGuard<'_, Log> {
        // Every change leaves the log consistent, so a panic elsewhere does no harm here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What equal blocked entries have in common: method, host, path, reason.
type Identity = (String, String, Option<String>, BlockReason);

/// Entries of one kind.
#[derive(Debug, Default)]
struct Entries {
    records: BTreeMap<u64, Record>,
    bytes: usize,
    dropped: u64,
}

#[derive(Debug)]
struct Record {
    entry: LogEntry,
    /// Since when it has been open; `None` once it has ended.
    open: Option<Instant>,
}

impl Entries {
    /// Adds an entry, or counts it where there is no room.
    fn add(&mut self, number: u64, entry: LogEntry, opened: Instant) -> bool {
        let bytes = self.bytes + entry.bytes();
        if self.records.len() >= MAX_LOG_ENTRIES || bytes > MAX_LOG_BYTES {
            self.dropped += 1;
            return false;
        }
        self.bytes = bytes;
        let open = Some(opened);
        self.records.insert(number, Record { entry, open });
        true
    }

    /// Takes an entry out again, or takes back that it was dropped.
    fn remove(&mut self, number: u64) {
        match self.records.remove(&number) {
            Some(record) => self.bytes -= record.entry.bytes(),
            None => self.dropped -= 1,
        }
    }
}

impl Log {
    /// Adds an allowed entry and returns its number.
    pub(super) fn open(&mut self, entry: LogEntry, now: Instant) -> u64 {
        let number = self.next;
        self.next += 1;
        self.allowed.add(number, entry, now);
        number
    }

    /// Turns the allowed entry `number`, which is `entry` and was opened at `opened`, into a blocked
    /// one. An equal one that is there already is counted instead.
    pub(super) fn block(
        &mut self,
        number: u64,
        entry: &LogEntry,
        opened: Instant,
        reason: BlockReason,
    ) {
        self.allowed.remove(number);
        let mut entry = entry.clone();
        let names = (entry.method.clone(), entry.host.clone(), entry.path.clone());
        let identity = (names.0, names.1, names.2, reason.clone());
        let equal = self.equal.get(&identity);
        if let Some(record) = equal.and_then(|equal| self.blocked.records.get_mut(equal)) {
            record.entry.count += 1;
            return;
        }
        entry.blocked = Some(reason);
        if self.blocked.add(number, entry, opened) {
            self.equal.insert(identity, number);
        }
    }

    /// Ends the duration of an entry.
    pub(super) fn close(&mut self, number: u64, duration: Duration) {
        for entries in [&mut self.allowed, &mut self.blocked] {
            if let Some(record) = entries.records.get_mut(&number) {
                record.entry.duration = duration;
                record.open = None;
            }
        }
    }

    /// Returns all entries in the order in which they were opened.
    pub(super) fn entries(&self) -> Vec<LogEntry> {
        let all = self.allowed.records.iter().chain(&self.blocked.records);
        let ordered: BTreeMap<_, _> = all.collect();
        let current = |record: &Record| LogEntry {
            duration: record
                .open
                .map_or(record.entry.duration, |since| since.elapsed()),
            ..record.entry.clone()
        };
        ordered.into_values().map(current).collect()
    }

    /// Numbers of the allowed and blocked entries that did not fit.
    pub(super) fn dropped(&self) -> (u64, u64) {
        (self.allowed.dropped, self.blocked.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Denial;

    fn entry(host: &str, path: &str) -> LogEntry {
        LogEntry {
            timestamp_ms: 0,
            method: "GET".into(),
            host: host.into(),
            path: Some(path.into()),
            blocked: None,
            count: 1,
            duration: Duration::ZERO,
        }
    }

    fn block(log: &mut Log, entry: &LogEntry) {
        let now = Instant::now();
        let number = log.open(entry.clone(), now);
        log.block(number, entry, now, Denial::NotWhitelisted.into());
    }

    #[test]
    fn equal_blocked_requests_share_an_entry() {
        let mut log = Log::default();
        for _ in 0..2 * MAX_LOG_ENTRIES {
            block(&mut log, &entry("a.test", "/"));
        }
        block(&mut log, &entry("a.test", "/later"));
        let number = log.open(entry("a.test", "/"), Instant::now());
        log.block(
            number,
            &entry("a.test", "/"),
            Instant::now(),
            Denial::Port.into(),
        );
        let counts: Vec<u64> = log.entries().iter().map(|entry| entry.count).collect();
        assert_eq!(counts, [2 * MAX_LOG_ENTRIES as u64, 1, 1]);
        assert_eq!(log.dropped(), (0, 0));
    }

    #[test]
    fn blocked_and_allowed_requests_take_no_room_from_each_other() {
        let mut log = Log::default();
        for index in 0..MAX_LOG_ENTRIES + 3 {
            block(&mut log, &entry(&format!("{index}.test"), "/"));
        }
        assert_eq!(log.dropped(), (0, 3));
        for _ in 0..MAX_LOG_ENTRIES + 2 {
            log.open(entry("a.test", "/"), Instant::now());
        }
        assert_eq!(log.dropped(), (2, 3));
        assert_eq!(log.entries().len(), 2 * MAX_LOG_ENTRIES);
        // A request that had no room as an allowed one can still be a blocked one.
        let mut log = Log::default();
        for _ in 0..MAX_LOG_ENTRIES {
            log.open(entry("a.test", "/"), Instant::now());
        }
        block(&mut log, &entry("b.test", "/"));
        assert_eq!(log.dropped(), (0, 0));
        assert_eq!(
            log.entries().last().map(|entry| &*entry.host),
            Some("b.test")
        );
    }

    #[test]
    fn entries_are_bounded_in_bytes() {
        let mut log = Log::default();
        for index in 0..MAX_LOG_ENTRIES {
            block(
                &mut log,
                &entry(&format!("{index}.test"), &"x".repeat(2000)),
            );
        }
        let kept: usize = log.entries().iter().map(LogEntry::bytes).sum();
        assert!(kept <= MAX_LOG_BYTES && kept > MAX_LOG_BYTES / 2, "{kept}");
        assert_eq!(
            log.entries().len() as u64 + log.dropped().1,
            MAX_LOG_ENTRIES as u64
        );
    }

    #[test]
    fn entries_keep_the_order_in_which_they_were_opened() {
        let mut log = Log::default();
        let now = Instant::now();
        let first = log.open(entry("first.test", "/"), now);
        block(&mut log, &entry("second.test", "/"));
        log.open(entry("third.test", "/"), now);
        log.block(first, &entry("first.test", "/"), now, Denial::Port.into());
        let hosts: Vec<String> = log.entries().into_iter().map(|entry| entry.host).collect();
        assert_eq!(hosts, ["first.test", "second.test", "third.test"]);
        log.close(first, Duration::from_millis(7));
        assert_eq!(log.entries()[0].duration, Duration::from_millis(7));
    }
}

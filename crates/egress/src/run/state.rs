//! Everything that the connections of one run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::buffers::{BufferBudget, BufferPermit, SocketBuffers};
use super::entry::{LogEntry, NetworkLog};
use super::log::SharedLog;
use super::open_entry::OpenEntry;
use super::redact::{NothingSecret, Redact};
use crate::limits::{Limits, MAX_LOGGED_HOST, MAX_LOGGED_METHOD, MAX_LOGGED_PATH};

/// One run: its log, its byte counts, and its share of the host's resources. A connection belongs to
/// the run that it was opened for.
#[derive(Debug)]
pub struct Run {
    redact: Box<dyn Redact>,
    log: SharedLog,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicUsize,
    lookups: Arc<Semaphore>,
    /// The place that this run has whatever others do.
    single_lookup: Arc<Semaphore>,
    buffers: BufferBudget,
    /// Held while a decision is made that can take long.
    deciding: Arc<tokio::sync::Mutex<()>>,
}

impl Run {
    /// A run without secrets, for a proxy with these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Arc<Self> {
        Self::redacting(limits, NothingSecret)
    }

    /// A run whose log contains what `redact` leaves.
    #[must_use]
    pub fn redacting(limits: &Limits, redact: impl Redact + 'static) -> Arc<Self> {
        Arc::new(Self {
            redact: Box::new(redact),
            log: SharedLog::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            lookups: Arc::new(Semaphore::new(limits.lookups)),
            single_lookup: Arc::new(Semaphore::new(1)),
            buffers: BufferBudget::new(limits.buffer_bytes),
            deciding: Arc::default(),
        })
    }

    /// Returns what has been logged so far.
    #[must_use]
    pub fn snapshot(&self) -> NetworkLog {
        let log = self.log.lock();
        let (dropped_allowed, dropped_blocked) = log.dropped();
        NetworkLog {
            entries: log.entries(),
            dropped_allowed,
            dropped_blocked,
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
        }
    }

    /// Opens an entry, without secrets and shortened. Its duration ends when it is dropped.
    pub(crate) fn open(&self, method: &str, host: &str, path: Option<&str>) -> OpenEntry {
        let text = |text: &str, most| shorten(self.redact.text(text), most);
        let entry = LogEntry {
            timestamp_ms: now_ms(),
            method: text(method, MAX_LOGGED_METHOD),
            host: shorten(self.redact.host(host), MAX_LOGGED_HOST),
            path: path.map(|path| text(path, MAX_LOGGED_PATH)),
            blocked: None,
            count: 1,
            duration: Duration::ZERO,
        };
        OpenEntry::new(self.log.clone(), entry)
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns a permit for one of at most `most` client connections. Dropping it gives it back.
    pub(crate) fn connection_permit(self: &Arc<Self>, most: usize) -> Option<ConnectionPermit> {
        // The permit is made before the check, so that its drop undoes the count when there is no room.
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let permit = ConnectionPermit {
            run: Arc::clone(self),
        };
        (before < most).then_some(permit)
    }

    /// Returns the buffers of one upstream connection; `None` when the run has too many.
    pub(crate) fn take_buffers(&self) -> Option<(SocketBuffers, BufferPermit)> {
        self.buffers.take()
    }

    /// Waits until this run may begin another lookup. The permit belongs to the lookup, which can outlast
    /// the connection that wanted it.
    pub(crate) async fn lookup_permit(&self) -> Option<OwnedSemaphorePermit> {
        // `None` only if the semaphore is closed, and it never is.
        Arc::clone(&self.lookups).acquire_owned().await.ok()
    }

    /// Waits until this run has no lookup at the place that is its own.
    pub(crate) async fn single_lookup_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.single_lookup).acquire_owned().await.ok()
    }

    /// Waits until no other decision of this run is being made that can take long.
    pub(crate) async fn decision_permit(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.deciding).lock_owned().await
    }
}

/// One open client connection of a run.
pub(crate) struct ConnectionPermit {
    run: Arc<Run>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.run.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// At most `most` bytes of `text`, cut at a character.
fn shorten(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Denial;
    use crate::run::Action;

    fn run() -> Arc<Run> {
        Run::new(&Limits::default())
    }

    #[test]
    fn a_block_after_the_decision_changes_the_entry() {
        let run = run();
        let entry = run.open("CONNECT", "a.test", None);
        assert_eq!(run.snapshot().entries[0].action(), Action::Allow);
        entry.block(Denial::Port);
        entry.block(Denial::Blacklisted);
        drop(entry);
        let log = run.snapshot();
        assert_eq!(log.entries[0].blocked, Some(Denial::Port.into()));
        assert_eq!(log.entries.len(), 1);
        assert_eq!(
            run.snapshot(),
            log,
            "a closed entry's duration no longer changes"
        );
    }

    #[test]
    fn long_texts_are_shortened() {
        let run = run();
        run.open(
            &"M".repeat(99),
            &"h".repeat(2000),
            Some(&"é".repeat(MAX_LOGGED_PATH)),
        );
        let entry = run.snapshot().entries.remove(0);
        assert_eq!(entry.method.len(), MAX_LOGGED_METHOD);
        assert_eq!(entry.host.len(), MAX_LOGGED_HOST);
        assert!(entry.path.is_some_and(|path| path.len() <= MAX_LOGGED_PATH));
    }

    #[test]
    fn secrets_are_replaced_before_texts_are_shortened() {
        struct Hunter;
        impl Redact for Hunter {
            fn text(&self, text: &str) -> String {
                text.replace("Hunter2", "***")
            }

            fn host(&self, host: &str) -> String {
                host.replace("hunter2", "***")
            }
        }
        let run = Run::redacting(&Limits::default(), Hunter);
        // The cut would leave all but the last character of the secret.
        let path = "x".repeat(MAX_LOGGED_PATH - 6) + "Hunter2";
        run.open("GET", "hunter2.test", Some(&path));
        let entry = run.snapshot().entries.remove(0);
        assert_eq!(entry.host, "***.test");
        assert!(entry.path.is_some_and(|path| path.ends_with("x***")));
    }

    #[test]
    fn connection_permits_are_given_back() {
        let run = run();
        let first = run.connection_permit(1);
        assert!(first.is_some());
        assert!(run.connection_permit(1).is_none());
        drop(first);
        assert!(run.connection_permit(1).is_some());
    }
}

//! An entry of the log whose request or tunnel has not ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::entry::LogEntry;
use super::log::SharedLog;
use super::reason::BlockReason;

/// An entry whose duration ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    log: SharedLog,
    number: u64,
    entry: LogEntry,
    opened: Instant,
    blocked: AtomicBool,
}

impl OpenEntry {
    /// Adds `entry` to `log`.
    pub(super) fn new(log: SharedLog, entry: LogEntry) -> Self {
        let opened = Instant::now();
        let number = log.lock().open(entry.clone(), opened);
        Self {
            log,
            number,
            entry,
            opened,
            blocked: AtomicBool::new(false),
        }
    }

    /// Turns the entry into a blocked one. The first reason stays.
    pub(crate) fn block(&self, reason: impl Into<BlockReason>) {
        if !self.blocked.swap(true, Ordering::Relaxed) {
            let mut log = self.log.lock();
            log.block(self.number, &self.entry, self.opened, reason.into());
        }
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        self.log.lock().close(self.number, self.opened.elapsed());
    }
}

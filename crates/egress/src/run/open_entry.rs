//! An entry of the log whose request or tunnel has not ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::entry::LogEntry;
use super::reason::BlockReason;
use super::state::Run;

/// An entry whose duration ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    run: Arc<Run>,
    number: u64,
    entry: LogEntry,
    opened: Instant,
    blocked: AtomicBool,
}

impl OpenEntry {
    /// Adds `entry` to the log of `run`.
    pub(super) fn new(run: Arc<Run>, entry: LogEntry) -> Self {
        let opened = Instant::now();
        let number = run.log().open(entry.clone(), opened);
        Self {
            run,
            number,
            entry,
            opened,
            blocked: AtomicBool::new(false),
        }
    }

    /// Turns the entry into a blocked one. The first reason stays.
    pub(crate) fn block(&self, reason: impl Into<BlockReason>) {
        if !self.blocked.swap(true, Ordering::Relaxed) {
            let mut log = self.run.log();
            log.block(self.number, &self.entry, self.opened, reason.into());
        }
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        self.run.log().close(self.number, self.opened.elapsed());
    }
}

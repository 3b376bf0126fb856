//! Processors that programs and parked interpreters share, so that parking keeps out of the way of programs.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use isol8_backend::Capacity;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// How many of a number of processors are busy, by count of what runs.
pub(super) struct Processors {
    limit: usize,
    busy: AtomicUsize,
    freed: Notify,
}

/// The processors of this machine, which the sandboxes of all engines of this process share.
static OWN: OnceLock<Processors> = OnceLock::new();

/// Those of other machines. Nothing is known of them, so nothing waits for one.
static ELSEWHERE: Processors = Processors::new(usize::MAX);

impl Processors {
    const fn new(limit: usize) -> Self {
        Self {
            limit,
            busy: AtomicUsize::new(0),
            freed: Notify::const_new(),
        }
    }

    /// The processors of a machine with this capacity.
    pub(super) fn of(capacity: Capacity) -> &'static Self {
        match capacity.processors {
            Some(limit) => OWN.get_or_init(|| Self::new(limit)),
            None => &ELSEWHERE,
        }
    }

    /// Counts something in when there is room for it, or at `latest` without.
    pub(super) async fn when_free(&'static self, latest: Instant) -> Busy {
        while self.busy.load(Ordering::Relaxed) >= self.limit {
            if timeout_at(latest, self.freed.notified()).await.is_err() {
                break;
            }
        }
        self.occupy()
    }

    /// Counts something in if there is room for it now.
    pub(super) fn if_free(&'static self) -> Option<Busy> {
        (self.busy.load(Ordering::Relaxed) < self.limit).then(|| self.occupy())
    }

    /// Counts something in that is never made to wait, such as a program that is about to run.
    pub(super) fn occupy(&'static self) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }
}

/// A processor in use, until dropped.
pub(super) struct Busy(&'static Processors);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_free_until_as_much_runs_as_there_are() {
        static TWO: Processors = Processors::new(2);
        let first = TWO.occupy();
        let second = TWO.if_free();
        assert!(second.is_some() && TWO.if_free().is_none());
        drop(first);
        assert!(TWO.if_free().is_some());
    }

    #[test]
    fn nothing_waits_for_the_processors_of_another_machine() {
        let elsewhere = Processors::of(Capacity::default());
        let _running: Vec<_> = (0..1000).map(|_| elsewhere.occupy()).collect();
        assert!(elsewhere.if_free().is_some());
    }
}

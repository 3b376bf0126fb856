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
    /// How many of the busy ones start interpreters.
    parking: AtomicUsize,
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
            parking: AtomicUsize::new(0),
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

    /// Counts the start of an interpreter in when there is room for it, or at `latest` without.
    pub(super) async fn park_when_free(
        &'static self,
        can_wait: impl Fn() -> bool,
        latest: Instant,
    ) -> Busy {
        loop {
            if let Some(busy) = self.park_if_free(can_wait()) {
                return busy;
            }
            if timeout_at(latest, self.freed.notified()).await.is_err() {
                return self.park();
            }
        }
    }

    /// Counts the start of an interpreter in if there is room for it now. One that `can_wait` leaves a processor
    /// to programs.
    pub(super) fn park_if_free(&'static self, can_wait: bool) -> Option<Busy> {
        let most = self.limit.saturating_sub(can_wait.into()).max(1);
        let is_room = self.busy.load(Ordering::Relaxed) < self.limit
            && self.parking.load(Ordering::Relaxed) < most;
        is_room.then(|| self.park())
    }

    fn park(&'static self) -> Busy {
        self.parking.fetch_add(1, Ordering::Relaxed);
        self.count(true)
    }

    /// Counts something in that is never made to wait, such as a program that is about to run.
    pub(super) fn occupy(&'static self) -> Busy {
        self.count(false)
    }

    fn count(&'static self, parks: bool) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy {
            processors: self,
            parks,
        }
    }
}

/// A processor in use, until dropped.
pub(super) struct Busy {
    processors: &'static Processors,
    parks: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.parks {
            self.processors.parking.fetch_sub(1, Ordering::Relaxed);
        }
        self.processors.busy.fetch_sub(1, Ordering::Relaxed);
        self.processors.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_free_until_as_much_runs_as_there_are() {
        static TWO: Processors = Processors::new(2);
        let first = TWO.occupy();
        let second = TWO.park_if_free(false);
        assert!(second.is_some() && TWO.park_if_free(false).is_none());
        drop(first);
        assert!(TWO.park_if_free(false).is_some());
    }

    #[test]
    fn starts_that_can_wait_leave_a_processor_to_programs() {
        static TWO: Processors = Processors::new(2);
        static ONE: Processors = Processors::new(1);
        let first = TWO.park_if_free(true);
        assert!(first.is_some() && TWO.park_if_free(true).is_none());
        let program = TWO.occupy();
        drop(first);
        assert!(
            TWO.park_if_free(true).is_some(),
            "programs do not count as starts"
        );
        drop(program);
        assert!(ONE.park_if_free(true).is_some(), "the only one is shared");
    }

    #[tokio::test]
    async fn a_start_waits_for_a_processor_of_its_own_only_while_it_can() {
        static TWO: Processors = Processors::new(2);
        let far = || Instant::now() + std::time::Duration::from_hours(1);
        let first = TWO.park_if_free(true);
        let mut second = std::pin::pin!(TWO.park_when_free(|| true, far()));
        assert!(futures::poll!(&mut second).is_pending());
        let third = TWO.park_when_free(|| false, far()).await;
        drop(third);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        second.await;
    }

    #[test]
    fn nothing_waits_for_the_processors_of_another_machine() {
        let elsewhere = Processors::of(Capacity::default());
        let _running: Vec<_> = (0..1000).map(|_| elsewhere.occupy()).collect();
        assert!(elsewhere.park_if_free(true).is_some());
    }
}

//! The sandboxes that this process is about to start. Between its creation and its start a sandbox has no
//! guest that would notice the end of the host. So a process that ends waits for that moment to pass.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

static STARTS: Starts = Starts::new();

/// The starts under way, and the parts of the process that must wait for them before they end.
struct Starts {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    under_way: usize,
    /// Parts of the process (a main program, its workers) that announced their end.
    parts: usize,
    /// The last of them is ending. Nothing is started any more.
    ending: bool,
}

impl Starts {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                under_way: 0,
                parts: 0,
                ending: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&'static self) -> Option<StartGuard> {
        let mut state = self.state();
        if state.ending {
            return None;
        }
        state.under_way += 1;
        Some(StartGuard(self))
    }

    fn enter(&'static self) -> ProcessPart {
        let mut state = self.state();
        state.parts += 1;
        state.ending = false;
        ProcessPart(self)
    }
}

/// A start that is under way, until it is dropped.
pub struct StartGuard(&'static Starts);

impl Drop for StartGuard {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.changed.notify_all();
    }
}

/// A part of the process that reports its end. See [`enter_process_part`].
pub struct ProcessPart(&'static Starts);

impl ProcessPart {
    /// Waits until no sandbox of this process is between its creation and its start, `limit` at most.
    /// Returns whether that was reached. When this was the last part, no sandbox is created any more.
    ///
    /// It blocks the thread, for which the end of a program is the only good moment. The starts
    /// need their tokio runtime meanwhile.
    pub fn end(self, limit: Duration) -> bool {
        let Self(starts) = self;
        let mut state = starts.state();
        state.parts -= 1;
        state.ending = state.parts == 0;
        let waited = starts
            .changed
            .wait_timeout_while(state, limit, |state| state.under_way > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.under_way == 0
    }
}

/// Notes that a sandbox is about to be created. `None` when the process is ending: then none may be.
#[must_use]
pub fn begin_start() -> Option<StartGuard> {
    STARTS.begin()
}

/// Announces a part of the process (its main program, a worker) that calls [`ProcessPart::end`] before it
/// ends, whenever it can help it. A process that stops its engines before it ends needs no such thing.
#[must_use]
pub fn enter_process_part() -> ProcessPart {
    STARTS.enter()
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    #[test]
    fn an_end_waits_for_every_start_and_no_longer_than_the_limit() {
        static OWN: Starts = Starts::new();
        let limit = Duration::from_mins(1);
        assert!(OWN.enter().end(limit));
        let part = OWN.enter();
        let first = OWN.begin().unwrap();
        let second = OWN.begin().unwrap();
        assert!(!OWN.enter().end(Duration::from_millis(1)));
        let begun = Instant::now();
        let ends = thread::spawn(move || {
            drop(first);
            thread::sleep(Duration::from_millis(50));
            drop(second);
        });
        assert!(part.end(limit));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        ends.join().unwrap();
    }

    #[test]
    fn nothing_is_started_when_the_last_part_ends() {
        static OWN: Starts = Starts::new();
        let (main, worker) = (OWN.enter(), OWN.enter());
        worker.end(Duration::ZERO);
        assert!(OWN.begin().is_some());
        main.end(Duration::ZERO);
        assert!(OWN.begin().is_none());
        let _later = OWN.enter();
        assert!(OWN.begin().is_some());
    }
}

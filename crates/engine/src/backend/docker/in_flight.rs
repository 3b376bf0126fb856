//! The containers that this process is about to start. Between its creation and its start a container
//! has no guest that would notice the end of the host, so a process that ends waits for that moment to
//! pass.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

static STARTS: Starts = Starts::new();

/// The starts under way, and those that a program's end must wait for them.
struct Starts {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    under_way: usize,
    /// Parts of the process (a main program, its workers) that announced their end.
    programs: usize,
    /// The last of them is ending: nothing is started any more.
    ending: bool,
}

impl Starts {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                under_way: 0,
                programs: 0,
                ending: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&'static self) -> Option<Start> {
        let mut state = self.state();
        if state.ending {
            return None;
        }
        state.under_way += 1;
        Some(Start(self))
    }

    fn enter(&'static self) -> Program {
        let mut state = self.state();
        state.programs += 1;
        state.ending = false;
        Program(self)
    }
}

/// A start, until it is dropped.
pub(super) struct Start(&'static Starts);

impl Drop for Start {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.changed.notify_all();
    }
}

/// A part of the process that says when it ends. See [`enter_program`].
pub struct Program(&'static Starts);

impl Program {
    /// Waits until no container of this process is between its creation and its start, `limit` at
    /// most; whether that was reached. When this was the last program, none is created any more.
    ///
    /// It blocks the thread, for which the end of a program is the only good moment. The starts
    /// need their tokio runtime meanwhile.
    pub fn end(self, limit: Duration) -> bool {
        let Self(starts) = self;
        let mut state = starts.state();
        state.programs -= 1;
        state.ending = state.programs == 0;
        let waited = starts
            .changed
            .wait_timeout_while(state, limit, |state| state.under_way > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.under_way == 0
    }
}

/// Notes that a container is about to be created; nothing when the process is ending.
pub(super) fn begin() -> Option<Start> {
    STARTS.begin()
}

/// Announces a program whose process does not end without calling [`Program::end`], whenever it can
/// help it. A process that stops its engines before it ends needs no such thing.
#[must_use]
pub fn enter_program() -> Program {
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
        let program = OWN.enter();
        let first = OWN.begin().unwrap();
        let second = OWN.begin().unwrap();
        assert!(!OWN.enter().end(Duration::from_millis(1)));
        let begun = Instant::now();
        let ends = thread::spawn(move || {
            drop(first);
            thread::sleep(Duration::from_millis(50));
            drop(second);
        });
        assert!(program.end(limit));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        ends.join().unwrap();
    }

    #[test]
    fn nothing_is_started_when_the_last_program_ends() {
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

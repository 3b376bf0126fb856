//! Whether an engine is idle, and since when.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The calls of an engine that run, and the end of the last one.
pub(super) struct Activity(Mutex<Calls>);

struct Calls {
    running: usize,
    /// When the last call ended; at first, when the engine was made.
    ended: Instant,
}

/// A call that runs, until it is dropped.
pub(super) struct Active<'a>(&'a Activity);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Calls {
            running: 0,
            ended: Instant::now(),
        }))
    }
}

impl Activity {
    /// A call begins.
    pub(super) fn begin(&self) -> Active<'_> {
        self.calls().running += 1;
        Active(self)
    }

    /// How long no call has run. `None` while one runs.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let calls = self.calls();
        (calls.running == 0).then(|| calls.ended.elapsed())
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut calls = self.0.calls();
        calls.running -= 1;
        calls.ended = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_engine_is_idle_from_the_end_of_its_last_call() {
        let activity = Activity::default();
        let (first, second) = (activity.begin(), activity.begin());
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(first);
        assert_eq!(activity.idle_for(), None);
        drop(second);
        assert_eq!(activity.idle_for(), Some(Duration::ZERO));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(activity.idle_for(), Some(Duration::from_secs(5)));
    }
}

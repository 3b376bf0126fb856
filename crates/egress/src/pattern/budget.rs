//! How long the patterns of one decision may take together.

use std::time::{Duration, Instant};

/// The patterns could not be matched in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;

/// Time for matching. It is looked at only every [`STEPS_PER_LOOK`] steps, so an ordinary pattern
/// never fails because its thread had to wait for a processor.
#[derive(Debug)]
pub(crate) struct MatchBudget {
    steps: u32,
    started: Instant,
    limit: Duration,
}

/// Steps between two looks at the clock. A step takes some tens of nanoseconds.
const STEPS_PER_LOOK: u32 = 16 * 1024;

impl MatchBudget {
    /// Time that begins to pass now.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            steps: 0,
            started: Instant::now(),
            limit,
        }
    }

    /// Counts one step.
    pub(super) fn step(&mut self) -> Result<(), TimedOut> {
        self.steps += 1;
        if self.steps < STEPS_PER_LOOK {
            return Ok(());
        }
        self.steps = 0;
        if self.started.elapsed() < self.limit {
            Ok(())
        } else {
            Err(TimedOut)
        }
    }
}

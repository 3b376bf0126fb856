//! What is known of a process, and when it is to be looked at.

use std::time::{Duration, Instant};

/// CPU time after which a process may have locks that are worth a look. A lock takes at least half a microsecond.
pub(super) const WORTH_A_LOOK: Duration = Duration::from_millis(5);

/// How long a process that has worked less may go on without a look.
pub(super) const LATEST: Duration = Duration::from_millis(250);

/// A process, as the last look found it.
pub(super) struct Known {
    /// Its CPU time when the look began.
    pub(super) cpu: Duration,
    /// When the next look may be.
    pub(super) next: Instant,
    pub(super) locks: u64,
    /// Whether it could not be looked at.
    pub(super) is_hidden: bool,
}

impl Known {
    /// A process that is new.
    pub(super) fn at(now: Instant) -> Self {
        Self {
            cpu: Duration::ZERO,
            next: now,
            locks: 0,
            is_hidden: false,
        }
    }

    /// Whether it is to be looked at, with this CPU time by now.
    pub(super) fn is_due(&self, cpu: Duration, now: Instant) -> bool {
        let worked = cpu.saturating_sub(self.cpu);
        (worked >= WORTH_A_LOOK && now >= self.next)
            || (!worked.is_zero() && now >= self.next + LATEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_due_soon_when_it_works_much_and_some_time_when_it_works_at_all() {
        let now = Instant::now();
        let known = Known::at(now);
        let (little, soon) = (Duration::from_nanos(1), now + LATEST / 2);
        assert!(known.is_due(WORTH_A_LOOK, now));
        assert!(!known.is_due(little, soon));
        assert!(known.is_due(little, now + LATEST));
        assert!(!known.is_due(Duration::ZERO, now + LATEST));
        let paused = Known {
            next: soon,
            ..known
        };
        assert!(!paused.is_due(WORTH_A_LOOK, now));
    }
}

//! Ending a program of a session so that its interpreter survives: with `SIGINT`, as a terminal would.

use std::{collections::BTreeSet, convert::Infallible, future::pending, time::Duration};

use nix::sys::signal::Signal;
use tokio::time::sleep;

use crate::{
    fd::Fd,
    processes::{kill, reaper::Reaper},
};

/// Longest time that a program has between the signal and its end by force.
const MAX_GRACE: Duration = Duration::from_secs(1);

/// The grace is at most this part of the time limit.
const GRACE_PART: u32 = 10;

/// How an interpreter is interrupted.
pub(super) struct Interruption<'a> {
    pub(super) reaper: &'a Reaper,
    /// The interpreter.
    pub(super) pid: i32,
    /// The call to give up.
    pub(super) call: u64,
    /// The pipe in which the launcher finds a note when an interruption comes from the guest.
    pub(super) commands: &'a Fd,
    /// Processes that were there before the call, without the interpreter.
    pub(super) before: BTreeSet<(i32, u64)>,
}

/// How long before the time limit a program is interrupted, and how long it has after that.
pub(super) fn grace(limit: Option<Duration>) -> Duration {
    limit.map_or(MAX_GRACE, |limit| (limit / GRACE_PART).min(MAX_GRACE))
}

impl Interruption<'_> {
    /// Interrupts the interpreter. While it waits for a process that it has started, it may ignore the signal.
    /// So after half of the grace these processes are killed, and the signal is sent again.
    pub(super) async fn interrupt(&self, grace: Duration) -> Infallible {
        let note = [self.call.to_string().as_bytes(), b"\0"].concat();
        // Without the note the launcher reports the interruption as one by the program itself.
        let _ = self.commands.try_write(&note);
        self.signal();
        sleep(grace / 2).await;
        self.end_others().await;
        self.signal();
        pending().await
    }

    /// Kills what the call has started beside the interpreter.
    pub(super) async fn end_others(&self) {
        kill::rest_of_program(self.reaper, self.pid, &self.before).await;
    }

    fn signal(&self) {
        if self.reaper.is_child(self.pid) {
            kill::send(self.pid, Signal::SIGINT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_of_the_limit_is_for_the_interruption_and_never_more_than_a_second() {
        assert_eq!(
            grace(Some(Duration::from_secs(5))),
            Duration::from_millis(500)
        );
        assert_eq!(grace(Some(Duration::from_mins(1))), Duration::from_secs(1));
        assert_eq!(grace(None), Duration::from_secs(1));
    }
}

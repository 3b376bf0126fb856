//! Signals that end a command.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Exit, Failure};

/// Within this time a signal of the same number counts as the same signal: Ctrl-C reaches this process from the
/// terminal, and once more from the JavaScript launcher that passes it on.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// The number of the signal that a closed terminal sends, and that asks a server to read its certificate again.
pub(crate) const HANG_UP: u8 = 1;

/// The signals that ask a command to end. From the moment that this exists they no longer end the process.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    last: Option<(u8, Instant)>,
    /// Whether each hang-up counts, however soon it follows another.
    has_each_hang_up: bool,
}

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|cause| Failure::input_output("Cannot listen for signals", cause))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            last: None,
            has_each_hang_up: false,
        })
    }

    /// These signals, where each hang-up asks for something (`each`): one that is left out would be lost.
    pub(crate) fn with_each_hang_up(self, each: bool) -> Self {
        Self {
            has_each_hang_up: each,
            ..self
        }
    }

    /// The number of the next signal. Cancel safe.
    pub(crate) async fn next(&mut self) -> u8 {
        loop {
            let number = tokio::select! {
                _ = self.interrupt.recv() => 2,
                _ = self.terminate.recv() => 15,
                _ = self.hang_up.recv() => HANG_UP,
            };
            let now = Instant::now();
            let is_meant = self.has_each_hang_up && number == HANG_UP;
            if is_meant || !is_same(self.last, number, now) {
                self.last = Some((number, now));
                return number;
            }
        }
    }
}

/// Carries out a command that is over when it is dropped. A signal drops it, and is how it ends.
pub(crate) async fn unless_signalled(
    command: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        exit = command => exit,
        number = signals.next() => Ok(Exit::Signal(number)),
    }
}

/// Whether a signal is `last`, which has come a second time.
fn is_same(last: Option<(u8, Instant)>, number: u8, now: Instant) -> bool {
    last.is_some_and(|(before, at)| before == number && now.duration_since(at) < SAME_SIGNAL)
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal::SIGHUP, raise};

    use super::*;

    #[test]
    fn a_signal_that_comes_twice_at_once_is_one() {
        let begun = Instant::now();
        let soon = begun + Duration::from_millis(20);
        let later = begun + SAME_SIGNAL;
        assert!(!is_same(None, 2, begun));
        assert!(is_same(Some((2, begun)), 2, soon));
        assert!(!is_same(Some((2, begun)), 15, soon));
        assert!(!is_same(Some((2, begun)), 2, later));
    }

    #[tokio::test]
    async fn each_hang_up_counts_where_it_asks_for_something() {
        let mut signals = Signals::listen().unwrap().with_each_hang_up(true);
        for _ in 0..3 {
            raise(SIGHUP).unwrap();
            let next = tokio::time::timeout(Duration::from_mins(1), signals.next());
            assert_eq!(next.await, Ok(HANG_UP));
        }
    }
}

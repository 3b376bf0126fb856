//! Small pieces on their way to the host. Each takes some fifty bytes of the host's memory until somebody
//! there takes it, however little is in it, and a window counts its bytes alone: a program that sends
//! byte by byte to a server that does not read could fill the host's memory through its windows. So there may
//! be only so many a second; what a program sends meanwhile gathers into larger ones.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, time::sleep};

/// Pieces of fewer bytes are counted. An HTTP request is larger, and so is a record of TLS with anything in it.
const SMALL_BYTES: usize = 32;

/// Number of small pieces that may be sent without a pause.
const BURST: u32 = 16 * 1024;

/// Time after which one more may be sent.
const REFILL: Duration = Duration::from_millis(1);

/// Limits how many small pieces all connections together may send.
pub(crate) struct SmallPieces {
    left: Cell<u32>,
    refilled: Cell<Instant>,
    turn: Mutex<()>,
}

impl SmallPieces {
    pub(crate) fn new() -> Self {
        Self {
            left: Cell::new(BURST),
            refilled: Cell::new(Instant::now()),
            turn: Mutex::default(),
        }
    }

    /// Waits until a piece of `count` bytes may be sent.
    pub(crate) async fn wait_for_turn(&self, count: usize) {
        if count >= SMALL_BYTES || self.take(Instant::now()) {
            return;
        }
        let _turn = self.turn.lock().await;
        while !self.take(Instant::now()) {
            sleep(REFILL).await;
        }
    }

    /// Counts a small piece, if one is allowed at `now`.
    fn take(&self, now: Instant) -> bool {
        let refills = now.duration_since(self.refilled.get()).as_nanos() / REFILL.as_nanos();
        if let Some(refills) = u32::try_from(refills)
            .ok()
            .filter(|refills| *refills < BURST)
        {
            self.left.set(BURST.min(self.left.get() + refills));
            self.refilled.set(self.refilled.get() + REFILL * refills);
        } else {
            self.left.set(BURST);
            self.refilled.set(now);
        }
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_and_rates_of_small_pieces_are_limited() {
        let pieces = SmallPieces::new();
        let begun = pieces.refilled.get();
        let after = |micros| begun + Duration::from_micros(micros);
        assert!((0..BURST).all(|_| pieces.take(begun)));
        assert!(!pieces.take(begun));
        assert!(!pieces.take(after(999)));
        assert!(pieces.take(after(1_000)));
        assert!(!pieces.take(after(1_999)));
        assert_eq!((0..100).filter(|_| pieces.take(after(51_000))).count(), 50);
        let (long, taken) = (after(u64::from(u32::MAX)), 2 * BURST);
        let passed = (0..taken).filter(|_| pieces.take(long)).count();
        assert_eq!(passed, BURST as usize, "what was not used is not saved up");
    }
}

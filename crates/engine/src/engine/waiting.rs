//! How much memory the requests that wait for their turn hold.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::plan::LimitError;

/// What a request counts beside its fields, in bytes: it has a future, a position and fields that are no text.
const BYTES_BESIDE: u64 = 4096;

/// The bytes of all requests that wait.
pub(super) struct Waiting {
    limit: Option<u64>,
    bytes: Arc<AtomicU64>,
}

impl Waiting {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self {
            limit,
            bytes: Arc::default(),
        }
    }

    /// Counts one more request with `bytes` until what is returned is dropped.
    pub(super) fn enter(&self, bytes: u64) -> Result<Room, LimitError> {
        let bytes = bytes.saturating_add(BYTES_BESIDE);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let room = Room {
            bytes,
            all: Arc::clone(&self.bytes),
        };
        let value = before.saturating_add(bytes);
        match self.limit.filter(|limit| value > *limit) {
            Some(limit) => Err(LimitError::Waiting { value, limit }),
            None => Ok(room),
        }
    }
}

/// The bytes of one request that waits.
pub(super) struct Room {
    bytes: u64,
    all: Arc<AtomicU64>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_up_to_the_limit_and_leave_their_room() {
        let waiting = Waiting::new(Some(3 * BYTES_BESIDE));
        let first = waiting.enter(10).ok();
        let second = waiting.enter(BYTES_BESIDE - 10).ok();
        assert!(first.is_some() && second.is_some());
        let error = waiting.enter(0).err().unwrap();
        assert_eq!(
            error.to_string(),
            "The requests that wait have 16384 bytes with this one; requestLimits.maxWaitingBytes allows 12288."
        );
        drop(first);
        assert!(waiting.enter(0).is_ok());
        assert!(waiting.enter(BYTES_BESIDE).is_err());
        drop(second);
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
        assert!(Waiting::new(None).enter(u64::MAX / 2).is_ok());
    }
}

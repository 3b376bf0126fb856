//! Starting an interpreter in a sandbox ahead of its program.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use isol8_protocol::{ParkRequest, Reply, Request};

use super::{
    link::LinkOpener,
    wire::{FrameReader, Incoming, send_only_message, unexpected},
};
use crate::error::EngineError;

/// No interpreter waits in a sandbox.
pub(super) const NOT_PARKED: u8 = 0;

/// One is being started.
const PARKING: u8 = 1;

/// One waits for its program.
pub(super) const PARKED: u8 = 2;

/// Parks in a sandbox that somebody else holds, and does not keep it alive.
pub struct Parker {
    opener: LinkOpener,
    readiness: Arc<AtomicU8>,
}

impl Parker {
    pub(super) fn new(opener: LinkOpener, readiness: Arc<AtomicU8>) -> Self {
        Self { opener, readiness }
    }

    /// Starts an interpreter and waits until it is parked. Refused when the sandbox was used since
    /// it was started or reset.
    pub async fn park(&self, request: ParkRequest) -> Result<(), EngineError> {
        let mut stream = self.opener.open().await?;
        // Taken back by whatever comes in between: a reset, or a failure.
        let begun = Begun::new(&self.readiness);
        send_only_message(&mut stream, &Request::Park(request)).await?;
        match FrameReader::of_answer(&mut stream).next().await? {
            Incoming::Reply(Reply::Done) => {
                begun.succeed();
                Ok(())
            }
            Incoming::Reply(reply) => Err(unexpected(reply)),
            _ => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }
}

/// An interpreter that is being started; when this is dropped there is none.
struct Begun<'a>(&'a AtomicU8);

impl<'a> Begun<'a> {
    fn new(readiness: &'a AtomicU8) -> Self {
        readiness.store(PARKING, Ordering::Relaxed);
        Self(readiness)
    }

    fn succeed(self) {
        self.0.store(PARKED, Ordering::Relaxed);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let _ = self
            .0
            .compare_exchange(PARKING, NOT_PARKED, Ordering::Relaxed, Ordering::Relaxed);
    }
}

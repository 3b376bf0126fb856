//! Starting an interpreter in a sandbox ahead of its program.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use isol8_protocol::{ParkRequest, Reply, Request};

use super::{
    link::{LinkOpener, LinkStream},
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
        let stream = self.opener.open().await?;
        let begun = Begun::new(stream, Arc::clone(&self.readiness), request).await?;
        begun.finish().await
    }
}

/// An interpreter that was asked for. When this is dropped the sandbox is taken to have none.
pub struct Begun {
    stream: LinkStream,
    mark: Mark,
}

impl Begun {
    pub(super) async fn new(
        mut stream: LinkStream,
        readiness: Arc<AtomicU8>,
        request: ParkRequest,
    ) -> Result<Self, EngineError> {
        let mark = Mark::new(readiness);
        send_only_message(&mut stream, &Request::Park(request)).await?;
        Ok(Self { stream, mark })
    }

    /// Waits until it is parked, see [`Parker::park`].
    pub async fn finish(mut self) -> Result<(), EngineError> {
        match FrameReader::of_answer(&mut self.stream).next().await? {
            Incoming::Reply(Reply::Done) => {
                self.mark.succeed();
                Ok(())
            }
            Incoming::Reply(reply) => Err(unexpected(reply)),
            _ => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }
}

/// Notes that an interpreter is being started. Taken back by whatever comes in between: a reset, or a
/// failure, which drops it.
struct Mark(Arc<AtomicU8>);

impl Mark {
    fn new(readiness: Arc<AtomicU8>) -> Self {
        readiness.store(PARKING, Ordering::Relaxed);
        Self(readiness)
    }

    fn succeed(self) {
        self.0.store(PARKED, Ordering::Relaxed);
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self
            .0
            .compare_exchange(PARKING, NOT_PARKED, Ordering::Relaxed, Ordering::Relaxed);
    }
}

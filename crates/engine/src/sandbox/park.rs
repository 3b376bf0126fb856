//! Starting an interpreter in a sandbox ahead of its program.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use isol8_protocol::{ParkRequest, Reply, Request};

use super::{
    link::LinkOpener,
    wire::{FrameReader, Incoming, send_message, unexpected},
};
use crate::error::EngineError;

/// Parks in a sandbox that somebody else holds, and does not keep it alive.
pub struct Parker {
    opener: LinkOpener,
    parked: Arc<AtomicBool>,
}

impl Parker {
    pub(super) fn new(opener: LinkOpener, parked: Arc<AtomicBool>) -> Self {
        Self { opener, parked }
    }

    /// Starts an interpreter and waits until it is parked. Refused when the sandbox was used since
    /// it was started or reset.
    pub async fn park(&self, request: ParkRequest) -> Result<(), EngineError> {
        let mut stream = self.opener.open().await?;
        send_message(&mut stream, &Request::Park(request)).await?;
        match FrameReader::new(&mut stream).next().await? {
            Incoming::Reply(Reply::Done) => {
                self.parked.store(true, Ordering::Relaxed);
                Ok(())
            }
            Incoming::Reply(reply) => Err(unexpected(reply)),
            _ => Err(EngineError::Guest("unexpected data".to_owned())),
        }
    }
}

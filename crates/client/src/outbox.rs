//! Where the messages of a server wait for their consumer.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    error::Reason,
    limits::{EVENT_COST, MAX_WAITING},
    message::Message,
};

/// A message that waits for the consumer.
pub(crate) struct Waiting {
    pub(crate) message: Message,
    _room: Option<OwnedSemaphorePermit>,
}

/// Where messages wait for the consumer. Their bytes have a limit.
pub(crate) struct Outbox {
    sender: mpsc::UnboundedSender<Result<Waiting, Reason>>,
    room: Arc<Semaphore>,
}

impl Outbox {
    /// A new one, and the consumer's end of it.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Result<Waiting, Reason>>) {
        let (sender, queue) = mpsc::unbounded_channel();
        let outbox = Self {
            sender,
            room: Arc::new(Semaphore::new(MAX_WAITING as usize)),
        };
        (outbox, queue)
    }

    /// Waits for room for a message of this many bytes, and puts it there.
    pub(crate) async fn put(&self, message: Message, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(MAX_WAITING);
        let cost = bytes.saturating_add(EVENT_COST).min(MAX_WAITING);
        // The semaphore is never closed.
        let room = Arc::clone(&self.room).acquire_many_owned(cost).await.ok();
        let waiting = Waiting {
            message,
            _room: room,
        };
        // The consumer may be gone.
        let _ = self.sender.send(Ok(waiting));
    }

    /// Puts the failure of the connection there, as the last.
    pub(crate) fn fail(&self, reason: Reason) {
        // The consumer may be gone.
        let _ = self.sender.send(Err(reason));
    }
}

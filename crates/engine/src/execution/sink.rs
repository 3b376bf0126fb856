//! Where an execution's output goes while it runs: to nobody, because it is collected, or to the
//! consumer of a stream, who slows the program down when slow.

use isol8_api::event::StreamEvent;
use tokio::sync::mpsc;

use crate::error::EngineError;

/// Receiver of events.
pub(crate) enum Sink {
    /// Nobody listens; the result has everything.
    Collect,
    /// A consumer of events.
    Stream(mpsc::Sender<StreamEvent>),
}

impl Sink {
    /// Delivers an event; waits for a slow consumer.
    pub(crate) async fn send(&self, event: StreamEvent) -> Result<(), EngineError> {
        match self {
            Self::Collect => Ok(()),
            Self::Stream(events) => events.send(event).await.map_err(|_| EngineError::Cancelled),
        }
    }

    /// Whether output has to be kept for the result.
    pub(crate) fn collects(&self) -> bool {
        matches!(self, Self::Collect)
    }
}

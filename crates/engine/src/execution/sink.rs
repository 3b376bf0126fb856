//! Where an execution's output goes while it runs: into its result, to the consumer of a stream, or both.
//! A slow consumer slows the program down.

use isol8_api::event::StreamEvent;
use tokio::sync::mpsc;

use crate::error::EngineError;

/// Receiver of events.
pub(crate) enum Sink {
    /// Nobody listens; the result has everything.
    Collect,
    /// A consumer of events; the result has no output.
    Stream(mpsc::Sender<StreamEvent>),
    /// A consumer of events; the result has everything, too.
    Both(mpsc::Sender<StreamEvent>),
}

impl Sink {
    /// Delivers an event; waits for a slow consumer.
    pub(crate) async fn send(&self, event: StreamEvent) -> Result<(), EngineError> {
        match self {
            Self::Collect => Ok(()),
            Self::Stream(events) | Self::Both(events) => {
                events.send(event).await.map_err(|_| EngineError::Cancelled)
            }
        }
    }

    /// Whether output has to be kept for the result.
    pub(crate) fn collects(&self) -> bool {
        matches!(self, Self::Collect | Self::Both(_))
    }

    /// Whether somebody takes events.
    pub(crate) fn streams(&self) -> bool {
        !matches!(self, Self::Collect)
    }
}

//! The consumer's end of a streaming execution.

use isol8_api::{event::StreamEvent, result::ExecutionResult};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::EngineError;

/// Events of one execution, in order. Dropping it ends the program.
pub struct EventStream {
    events: mpsc::Receiver<StreamEvent>,
    refusal: oneshot::Receiver<EngineError>,
    result: oneshot::Receiver<ExecutionResult>,
    cancel: CancellationToken,
    over: CancellationToken,
    _end_on_drop: DropGuard,
}

/// What the consumer and the execution tell each other.
pub(super) struct Tokens {
    /// Ends the program.
    pub(super) cancel: CancellationToken,
    /// The consumer has dropped the stream.
    pub(super) gone: CancellationToken,
    /// The execution has ended.
    pub(super) over: CancellationToken,
}

impl EventStream {
    pub(super) fn new(
        events: mpsc::Receiver<StreamEvent>,
        refusal: oneshot::Receiver<EngineError>,
        result: oneshot::Receiver<ExecutionResult>,
        Tokens { cancel, gone, over }: Tokens,
    ) -> Self {
        Self {
            over,
            events,
            refusal,
            result,
            _end_on_drop: gone.drop_guard(),
            cancel,
        }
    }

    /// The next event; `None` after the last exit event, or after a cancellation.
    ///
    /// Cancel safe.
    pub async fn recv(&mut self) -> Option<StreamEvent> {
        self.events.recv().await
    }

    /// Up to `limit` events that are there, waiting for the first; empty at the end.
    ///
    /// Cancel safe.
    pub async fn recv_many(&mut self, limit: usize) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        self.events.recv_many(&mut events, limit).await;
        events
    }

    /// Why nothing was run: a request that is not acceptable gives no event. Known once the events
    /// have ended; given once.
    pub fn take_refusal(&mut self) -> Option<EngineError> {
        self.refusal.try_recv().ok()
    }

    /// What the execution came to: exit code, usage, files and network log, but not the output, which
    /// the events carried. Known once the events have ended; none after a failure; given once.
    pub fn take_result(&mut self) -> Option<ExecutionResult> {
        self.result.try_recv().ok()
    }

    /// Cancelled when the execution has ended, whether its events have been taken or not.
    #[must_use]
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// What ends the program when cancelled, from anywhere.
    #[must_use]
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }
}

//! Executions whose events are taken while their program runs.

use isol8_api::event::{Phase, StreamEvent};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    lifecycle::Engine,
    stream::{EventStream, Tokens},
};
use crate::{error::EngineError, execution::Sink, submission::Submission};

/// Events that a stream's consumer has not taken yet. Beyond this the program is slowed down.
const EVENT_QUEUE: usize = 32;

/// How the consumer of a stream learns of an error.
enum Report {
    /// By an error event and an exit event.
    Events(EngineError),
    /// By [`EventStream::take_refusal`].
    Refusal(EngineError),
    /// It knows already: the stream has had the exit of the step that failed, or the consumer has cancelled.
    Nothing,
}

impl Report {
    /// The report of an execution whose consumer takes events only.
    fn to_consumer(error: EngineError) -> Self {
        match error {
            EngineError::Setup(_) | EngineError::Install(_) | EngineError::Cancelled => {
                Self::Nothing
            }
            error if error.is_refusal() => Self::Refusal(error),
            error => Self::Events(error),
        }
    }
}

impl Engine {
    /// Runs `request` and returns its events. Dropping the stream ends the program.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn stream(&self, request: impl Into<Submission>) -> EventStream {
        self.open(request.into(), Sink::Stream, Report::to_consumer)
    }

    /// Runs `request`, returns its events, and keeps its output for the result as [`Self::execute`] does. Every
    /// error ends the events and is given by [`EventStream::take_refusal`]. Dropping the stream ends the program.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn execute_with_events(&self, request: impl Into<Submission>) -> EventStream {
        self.open(request.into(), Sink::Both, Report::Refusal)
    }

    fn open(
        &self,
        submission: Submission,
        sink: fn(mpsc::Sender<StreamEvent>) -> Sink,
        report: fn(EngineError) -> Report,
    ) -> EventStream {
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let (refuse, refusal) = oneshot::channel();
        let (conclude, result) = oneshot::channel();
        // A consumer that drops the stream ends the program at once. One that cancels lets a session survive.
        let (cancel, gone) = (CancellationToken::new(), CancellationToken::new());
        let (token, left) = (cancel.clone(), gone.clone());
        let over = CancellationToken::new();
        let at_end = over.clone().drop_guard();
        let (engine, call) = (self.clone(), self.call_for(&submission));
        let carrying_out = async move {
            let sink = sink(sender);
            let carried_out = Box::pin(engine.carry_out(submission, &sink, token, call));
            let carried_out = left.run_until_cancelled(carried_out).await;
            drop(at_end);
            // Whoever is gone takes none of these.
            match carried_out {
                Some(Ok(result)) => drop(conclude.send(result)),
                Some(Err(error)) => match report(error) {
                    Report::Events(error) => send_failure(&sink, &error).await,
                    Report::Refusal(error) => drop(refuse.send(error)),
                    Report::Nothing => {}
                },
                None => {}
            }
        };
        tokio::spawn(carrying_out.in_current_span());
        EventStream::new(events, refusal, result, Tokens { cancel, gone, over })
    }
}

async fn send_failure(sink: &Sink, error: &EngineError) {
    let events = [
        StreamEvent::failure(Phase::Code, error.code(), error.to_string()),
        StreamEvent::exit(Phase::Code, 1),
    ];
    for event in events {
        if sink.send(event).await.is_err() {
            return;
        }
    }
}

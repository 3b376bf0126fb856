//! A streaming execution as a class.

use std::sync::Arc;

use isol8_api::event::{EventKind, Phase, StreamEvent};

use isol8_engine::EventStream;
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::outcome::NativeError;

/// Events that cross at once, at most.
const BATCH: usize = 16;

/// One event.
#[napi(object, object_from_js = false)]
pub struct NativeEvent {
    /// `stdout`, `stderr`, `exit` or `error`.
    #[napi(js_name = "type")]
    pub kind: &'static str,
    /// Text, or the exit code in decimal.
    pub data: String,
    /// `setup` or `code`.
    pub phase: Option<&'static str>,
    /// Stable name of the kind of error.
    pub code: Option<String>,
}

impl From<StreamEvent> for NativeEvent {
    fn from(event: StreamEvent) -> Self {
        Self {
            kind: match event.kind {
                EventKind::Stdout => "stdout",
                EventKind::Stderr => "stderr",
                EventKind::Exit => "exit",
                EventKind::Error => "error",
            },
            data: event.data,
            phase: event.phase.map(|phase| match phase {
                Phase::Setup => "setup",
                Phase::Code => "code",
            }),
            code: event.code,
        }
    }
}

/// What a stream has to say: some events, why the request was refused, or the end (neither).
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeBatch {
    /// The next events, in order.
    pub events: Option<Vec<NativeEvent>>,
    /// Why nothing was run.
    pub error: Option<NativeError>,
    /// At the end of an execution that has a result, that as JSON.
    pub result: Option<String>,
}

impl NativeBatch {
    /// The end of a stream, which is told once.
    fn end(stream: &mut EventStream) -> Self {
        match stream.take_refusal() {
            Some(error) => Self::refusal(error.into()),
            None => Self {
                result: stream
                    .take_result()
                    .and_then(|result| serde_json::to_string(&result).ok()),
                ..Self::default()
            },
        }
    }

    fn refusal(error: NativeError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// A running execution.
#[napi]
pub struct NativeStream {
    events: Arc<Mutex<Result<EventStream, Option<NativeError>>>>,
    cancel: CancellationToken,
}

#[napi]
impl NativeStream {
    pub(crate) fn running(stream: EventStream) -> Self {
        let cancel = stream.canceller();
        Self {
            events: Arc::new(Mutex::new(Ok(stream))),
            cancel,
        }
    }

    pub(crate) fn refused(error: NativeError) -> Self {
        Self {
            events: Arc::new(Mutex::new(Err(Some(error)))),
            cancel: CancellationToken::new(),
        }
    }

    /// The next events.
    #[napi]
    pub async fn recv(&self) -> NativeBatch {
        let events = Arc::clone(&self.events);
        let mut events = events.lock().await;
        match &mut *events {
            Ok(stream) => match stream.recv_many(BATCH).await {
                events if events.is_empty() => NativeBatch::end(stream),
                events => NativeBatch {
                    events: Some(events.into_iter().map(NativeEvent::from).collect()),
                    ..NativeBatch::default()
                },
            },
            Err(error) => error
                .take()
                .map_or_else(NativeBatch::default, NativeBatch::refusal),
        }
    }

    /// Ends the execution. May be called at any time and more than once.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

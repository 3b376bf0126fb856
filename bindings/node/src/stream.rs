//! A streaming execution as a class.

use std::sync::Arc;

use isol8_api::event::{EventKind, Phase, StreamEvent};

use isol8_engine::{EventStream, Submission};
use napi::bindgen_prelude::{Env, PromiseRaw, within_runtime_if_available};
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::outcome::NativeError;

/// Events that cross at once, at most.
pub(crate) const BATCH: usize = 16;

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

/// What a stream returns next: some events, an error, or its end, with or without a result.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeBatch {
    /// The next events, in order.
    pub events: Option<Vec<NativeEvent>>,
    /// Why the request was refused, or why the execution has no result.
    pub error: Option<NativeError>,
    /// At the end of an execution that has a result, that as JSON.
    pub result: Option<String>,
}

impl NativeBatch {
    /// The end of a stream. Its error or result is taken out, so that it is returned once.
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

    /// An error.
    pub(crate) fn refusal(error: NativeError) -> Self {
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

impl NativeStream {
    /// The stream of a request that `start` begins, or of one that cannot be read.
    pub(crate) fn of(
        request: Result<Submission, NativeError>,
        start: impl FnOnce(Submission) -> EventStream,
    ) -> Self {
        let (events, cancel) = match request {
            Ok(submission) => {
                let stream = within_runtime_if_available(|| start(submission));
                let cancel = stream.canceller();
                (Ok(stream), cancel)
            }
            Err(error) => (Err(Some(error)), CancellationToken::new()),
        };
        Self {
            events: Arc::new(Mutex::new(events)),
            cancel,
        }
    }
}

#[napi]
impl NativeStream {
    /// The next events.
    #[napi]
    pub fn recv<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeBatch>> {
        let events = Arc::clone(&self.events);
        env.spawn_future(async move {
            let mut events = events.lock().await;
            Ok(match &mut *events {
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
            })
        })
    }

    /// Ends the execution. May be called at any time and more than once.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

//! One execution of a request, from its turn to its end, whatever carries it to the client.

mod held;

use std::sync::Arc;

use futures::future::BoxFuture;
use isol8_api::{
    ErrorCode,
    event::{EventKind, Phase, StreamEvent, StreamMessage},
    http::ExecuteBody,
    options::RawOptions,
    request::ExecutionRequest,
    result::ExecutionResult,
};
use isol8_engine::{EventStream, LiveInput, Submission};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::held::Held;
use crate::{app::App, callers::Caller, error::ApiError, metrics::Observation, queue::Turn};

/// Events that are sent to a client at a time.
const BATCH: usize = 32;

/// The parts of a body, the large ones in boxes. A time limit among the options is the request's own, so that requests
/// which differ in nothing else share an engine. That of a tenant always is, since limits of requests hold for it then.
fn split(caller: &Caller, body: ExecuteBody) -> Parts {
    let ExecuteBody {
        mut request,
        mut options,
        session_id,
        result: _,
    } = body;
    if (session_id.is_none() || caller.policy.tenant.is_some())
        && let Some(options) = &mut options
    {
        let limit = options.timeout_ms.take();
        request.timeout_ms = request.timeout_ms.or(limit);
    }
    Parts {
        request: Box::new(request),
        options: options.map(Box::new),
        session_id,
    }
}

/// The parts of a body.
struct Parts {
    request: Box<ExecutionRequest>,
    options: Option<Box<RawOptions>>,
    session_id: Option<String>,
}

fn submission(caller: &Caller, request: ExecutionRequest, live: Option<LiveInput>) -> Submission {
    Submission {
        live,
        tenant: caller.owner.tenant_id().map(str::to_owned),
        ..request.into()
    }
}

/// Runs a request to its end. Dropping the future ends the program; in a session its interpreter is
/// interrupted, so that its state survives where that works.
pub(crate) async fn execute(
    app: &App,
    caller: &Caller,
    body: Box<ExecuteBody>,
) -> Result<ExecutionResult, ApiError> {
    let Parts {
        request,
        options,
        session_id,
    } = split(caller, *body);
    let mut observed = app.metrics().observe(&caller.owner, &request.runtime);
    let session_id = session_id.as_deref();
    let held = Held::take(app, caller, &request.runtime, options, session_id).await;
    let held = held.inspect_err(|error| observed.error(error))?;
    observed.begin();
    let cancel = CancellationToken::new();
    let running = || {
        let submission = submission(caller, *request, None);
        let running = held.engine().execute(submission, cancel.clone());
        Box::pin(app.ending().run_until_cancelled(running))
    };
    let mut running = running();
    // Dropped before the execution is, which makes the difference between interrupting and killing.
    let _cancelled_first = cancel.drop_guard();
    let result = (&mut running).await;
    let result = result.ok_or_else(|| ApiError::Closing.of_ended_program())?;
    let result = result.map_err(|error| held.explain(error));
    match &result {
        Ok(result) => observed.result(result),
        Err(error) => observed.error(error),
    }
    result
}

/// An execution whose events are streamed. Dropping it ends the program, as with [`execute`].
pub(crate) struct Execution {
    state: State,
    /// Whether the last exit event carries the result.
    with_result: bool,
    /// The last exit event, which waits for the result.
    exit: Option<StreamMessage>,
    /// The result, from the end of the events on.
    result: Option<Box<ExecutionResult>>,
    observed: Observation,
    /// Cancelled when nobody reads events any more.
    read: CancellationToken,
}

enum State {
    Waiting(BoxFuture<'static, Result<(EventStream, Held), ApiError>>),
    Running(Box<EventStream>, Held),
    Over,
}

impl Execution {
    /// Begins to wait for the turn of an execution. Nothing happens before the first call of
    /// [`Self::start`] or [`Self::next`].
    pub(crate) fn new(
        app: App,
        caller: Caller,
        body: ExecuteBody,
        live: Option<LiveInput>,
    ) -> Self {
        let with_result = body.result;
        let Parts {
            request,
            options,
            session_id,
        } = split(&caller, body);
        let observed = app.metrics().observe(&caller.owner, &request.runtime);
        let read = CancellationToken::new();
        let until_read = read.clone();
        let start = async move {
            let session_id = session_id.as_deref();
            let mut held = Held::take(&app, &caller, &request.runtime, options, session_id).await?;
            let events = held.engine().stream(submission(&caller, *request, live));
            let turn = held.turn.take();
            let lingering = Arc::clone(app.lingering());
            let turn = end_turn(turn, events.over(), lingering, until_read);
            app.tasks().spawn(turn);
            Ok((events, held))
        };
        Self {
            state: State::Waiting(Box::pin(start)),
            with_result,
            exit: None,
            result: None,
            observed,
            read,
        }
    }

    /// Waits for the turn of the execution and starts it. Cancel safe.
    pub(crate) async fn start(&mut self) -> Result<(), ApiError> {
        if let State::Waiting(start) = &mut self.state {
            match start.await {
                Ok((events, held)) => {
                    self.observed.begin();
                    self.state = State::Running(Box::new(events), held);
                }
                Err(error) => {
                    self.observed.error(&error);
                    self.state = State::Over;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The next events; none at the end. What the engine refuses or fails at, or what stands in the way of a
    /// start, is one error event and the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Vec<StreamMessage> {
        loop {
            let events = self.next_events().await;
            let is_over = matches!(self.state, State::Over);
            let mut messages: Vec<StreamMessage> = self.exit.take().into_iter().collect();
            messages.extend(events.into_iter().map(StreamMessage::from));
            let Some(last) = messages.last_mut() else {
                return messages;
            };
            if is_over {
                last.result = self.result.take();
                return messages;
            }
            if self.with_result && is_last_exit(&last.event) {
                self.exit = messages.pop();
            }
            if !messages.is_empty() {
                return messages;
            }
        }
    }

    async fn next_events(&mut self) -> Vec<StreamEvent> {
        if let Err(error) = self.start().await {
            return vec![failure(&error)];
        }
        let State::Running(events, held) = &mut self.state else {
            return Vec::new();
        };
        let mut batch = events.recv_many(BATCH).await;
        for event in &batch {
            self.observed.event(event);
        }
        if let Some(index) = batch.iter().position(is_engine_failure) {
            // Clients of a server expect no phase and no exit event here, unlike callers of an engine.
            batch.truncate(index + 1);
            batch[index].phase = None;
            self.observed
                .failed(ErrorCode::named(batch[index].code.as_deref()).as_str());
            self.state = State::Over;
            return batch;
        }
        if !batch.is_empty() {
            return batch;
        }
        if self.with_result {
            self.result = events.take_result().map(Box::new);
        }
        let refusal = events.take_refusal().map(|error| held.explain(error));
        if let Some(error) = &refusal {
            self.observed.error(error);
        }
        self.state = State::Over;
        refusal.iter().map(failure).collect()
    }
}

/// Whether the engine has failed at a program. The program's own errors, such as its time limit, have no code.
fn is_engine_failure(event: &StreamEvent) -> bool {
    event.kind == EventKind::Error && event.phase == Some(Phase::Code) && event.code.is_some()
}

/// Whether no event follows. After a setup phase with exit code 0 the program follows.
fn is_last_exit(event: &StreamEvent) -> bool {
    event.kind == EventKind::Exit && !(event.phase == Some(Phase::Setup) && event.data == "0")
}

/// The event of an execution that did not begin.
pub(crate) fn failure(error: &ApiError) -> StreamEvent {
    StreamEvent {
        kind: EventKind::Error,
        data: error.to_string(),
        phase: None,
        code: Some(error.code().as_str().to_owned()),
    }
}

/// Ends a turn when the execution is over. While there is no permit to go on without a turn, it lasts until everything is read.
async fn end_turn(
    turn: Option<Turn>,
    over: CancellationToken,
    lingering: Arc<Semaphore>,
    read: CancellationToken,
) {
    over.cancelled().await;
    let permit = lingering.try_acquire_owned();
    if permit.is_ok() {
        drop(turn);
        read.cancelled().await;
    } else {
        read.cancelled().await;
        drop(turn);
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.read.cancel();
        if let State::Running(events, _) = &self.state {
            events.canceller().cancel();
        }
    }
}

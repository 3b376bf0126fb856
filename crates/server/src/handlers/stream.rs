//! `POST /execute/stream`: the events of a program, as server-sent events.

use std::{collections::VecDeque, convert::Infallible};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use isol8_api::{event::StreamMessage, http::ExecuteBody};
use utoipa::ToSchema;

use crate::{
    app::App,
    body::JsonBody,
    callers::Caller,
    error::ApiError,
    execution::{Execution, failure},
    openapi::{Keyed, NoSession, Received},
};

/// `POST /execute/stream`: runs a program and streams its events. A client that goes away ends it.
///
/// The data of each server-sent event is JSON of the schema `StreamMessage`. What the engine refuses is such an event, and no
/// status.
#[utoipa::path(
    post,
    path = "/execute/stream",
    tag = "executions",
    request_body = ExecuteBody,
    responses(
        (status = 200, description = "The events.", body = SentEvent, content_type = "text/event-stream"),
        Keyed, Received, NoSession
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<ExecuteBody>,
) -> Result<Response, ApiError> {
    let ending = app.ending().clone();
    let keep_alive = KeepAlive::new().interval(app.keep_alive());
    let mut execution = Execution::new(app, caller, *body, None);
    let first = match execution.start().await {
        Ok(()) => VecDeque::new(),
        // A refusal of the engine is an event. That the server cannot serve the request now is a status.
        Err(error @ ApiError::Engine(_)) => VecDeque::from([failure(&error).into()]),
        Err(error) => return Err(error),
    };
    let events = stream::unfold((execution, first), move |(mut execution, mut batch)| {
        let ending = ending.clone();
        async move {
            if batch.is_empty() {
                // Cut off without an exit event, which no client takes for success.
                batch = ending.run_until_cancelled(execution.next()).await?.into();
            }
            let event = sse(&batch.pop_front()?);
            Some((Ok::<_, Infallible>(event), (execution, batch)))
        }
    });
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let kept = HeaderValue::from_static("keep-alive");
    response.headers_mut().insert(header::CONNECTION, kept);
    Ok(response)
}

/// An event as it is sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for its schema")]
struct SentEvent {
    /// JSON of the schema `StreamMessage`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// One event in one `data` line: JSON has no line breaks.
fn sse(message: &StreamMessage) -> Event {
    Event::default().data(serde_json::to_string(message).unwrap_or_default())
}

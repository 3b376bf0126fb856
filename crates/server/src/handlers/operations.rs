//! `GET /metrics` and `GET /capacity`: what an operator watches.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    callers::{Caller, Operator},
    error::ApiError,
    openapi::Keyed,
    queue::QueueStatus,
};

/// The content type of the text form of `OpenMetrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`: counters, in the text form of `OpenMetrics`, which Prometheus reads.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (status = 200, description = "The counters.", body = String, content_type = OPEN_METRICS),
        Keyed
    )
)]
pub(crate) async fn metrics(
    _: Operator,
    State(app): State<App>,
) -> Result<impl IntoResponse, ApiError> {
    let text = app.metrics().text(app.state());
    let text = text.map_err(|error| ApiError::Invalid(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

/// How much more the server could do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CapacityReport {
    /// The queue.
    #[serde(flatten)]
    queue: QueueStatus,
    /// Sessions that exist.
    sessions: usize,
    /// Sandboxes that wait in pools.
    idle_sandboxes: usize,
    /// Memory in bytes that programs could use without swapping; `null` where it cannot be known.
    free_memory: Option<u64>,
    /// Processors that sandboxes share; `null` where it cannot be known.
    processors: Option<usize>,
    /// Whether new executions are taken.
    accepting: bool,
}

/// `GET /capacity`: how much more the server could do, for whoever distributes work over several.
#[utoipa::path(
    get,
    path = "/capacity",
    tag = "operations",
    responses((status = 200, description = "The capacity.", body = CapacityReport), Keyed)
)]
pub(crate) async fn capacity(
    _: Operator,
    State(app): State<App>,
    caller: Caller,
) -> Json<CapacityReport> {
    let (state, machine) = (app.state(), app.backend().capacity());
    Json(CapacityReport {
        queue: app.queue().status(&caller),
        sessions: state.sessions,
        idle_sandboxes: state.idle_sandboxes,
        free_memory: machine.free_memory,
        processors: machine.processors,
        accepting: !app.draining().is_cancelled(),
    })
}

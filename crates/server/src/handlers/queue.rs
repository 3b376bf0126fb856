//! `GET /queue/status` and `POST /drain`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    callers::{Caller, Operator},
    openapi::Keyed,
    queue::QueueStatus,
};

/// `GET /queue/status`: how many executions could begin at once, and how many wait.
#[utoipa::path(
    get,
    path = "/queue/status",
    tag = "executions",
    responses((status = 200, description = "The state of the queue.", body = QueueStatus), Keyed)
)]
pub(crate) async fn status(State(app): State<App>, caller: Caller) -> Json<QueueStatus> {
    Json(app.queue().status(&caller))
}

/// `POST /drain`: takes no new executions from now on, for good: those that wait or come get 503, and so does `/ready`. Those
/// that run go on. Answers as `/queue/status`: the last one has ended when `available` is `maxConcurrent`.
#[utoipa::path(
    post,
    path = "/drain",
    tag = "operations",
    responses((status = 200, description = "The state of the queue.", body = QueueStatus), Keyed)
)]
pub(crate) async fn drain(
    State(app): State<App>,
    _: Operator,
    caller: Caller,
) -> Json<QueueStatus> {
    app.draining().cancel();
    Json(app.queue().status(&caller))
}

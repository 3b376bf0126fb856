//! `GET /queue/status` and `POST /drain`.

use axum::{Json, extract::State};

use crate::{app::App, queue::QueueStatus};

/// How many executions could begin at once, and how many wait.
pub(crate) async fn status(State(app): State<App>) -> Json<QueueStatus> {
    Json(app.queue().status())
}

/// Takes no new work from now on, for good: calls that wait or come get 503, and so does `/ready`. Calls that
/// run go on. Answers as `/queue/status`, which says when the last one has ended.
pub(crate) async fn drain(State(app): State<App>) -> Json<QueueStatus> {
    app.draining().cancel();
    Json(app.queue().status())
}

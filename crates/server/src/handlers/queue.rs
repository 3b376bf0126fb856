//! `GET /queue/status`.

use axum::{Json, extract::State};

use crate::{app::App, queue::QueueStatus};

/// How many executions could begin at once, and how many wait.
pub(crate) async fn status(State(app): State<App>) -> Json<QueueStatus> {
    Json(app.queue().status())
}

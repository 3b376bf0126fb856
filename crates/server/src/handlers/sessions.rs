//! `/sessions` and `/session/:id`.

use axum::{
    Json,
    extract::{Path, State},
};
use isol8_api::http::SessionList;

use super::files::Done;
use crate::{app::App, error::ApiError};

/// `GET /sessions`: all sessions.
pub(crate) async fn list(State(app): State<App>) -> Json<SessionList> {
    Json(SessionList {
        sessions: app.sessions().list(),
    })
}

/// `DELETE /session/:id`: ends a session. One that does not exist is no error.
pub(crate) async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Done>, ApiError> {
    app.sessions().remove(&id).await?;
    Ok(Json(Done::OK))
}

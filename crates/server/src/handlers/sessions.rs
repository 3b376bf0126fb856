//! `/sessions` and `/session/:id`.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
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
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Done>, ApiError> {
    let Path(id) = id.map_err(|error| ApiError::Invalid(error.body_text()))?;
    app.sessions().remove(&id).await?;
    Ok(Json(Done::OK))
}

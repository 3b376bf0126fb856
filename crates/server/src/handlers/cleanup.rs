//! `POST /cleanup`.

use axum::{Json, extract::State};
use isol8_engine::EngineError;
use serde::Deserialize;

use crate::{app::App, body::JsonBody, cleanup::Cleaned, error::ApiError};

/// What to remove.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct What {
    images: Option<bool>,
}

impl Default for What {
    fn default() -> Self {
        Self { images: Some(true) }
    }
}

/// Removes sessions, containers that nobody uses and, unless the body says otherwise, images.
pub(crate) async fn cleanup(
    State(app): State<App>,
    JsonBody(what): JsonBody<What>,
) -> Result<Json<Cleaned>, ApiError> {
    let images = what.images.unwrap_or(true);
    let cleaned = app.cleanups().run(&app, images).await;
    // The error is shared with other callers.
    cleaned.map(Json).map_err(|error| {
        let error = isol8_backend::BackendError::new(error.kind, error.message.clone());
        EngineError::from(error).into()
    })
}

//! `POST /cleanup`.

use std::sync::Arc;

use axum::{Json, extract::State};
use isol8_backend::BackendError;
use isol8_engine::EngineError;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    body::JsonBody,
    callers::{Caller, Owner},
    cleanup::Cleaned,
    error::ApiError,
    openapi::{Failed, Keyed, Received},
};

/// What to remove.
#[derive(Deserialize, ToSchema)]
pub(crate) struct What {
    /// Whether images are removed, too; yes when it is left out.
    images: Option<bool>,
}

/// Removes sessions, containers that nobody uses and, unless the body says otherwise, images. A tenant removes its sessions.
#[utoipa::path(
    post,
    path = "/cleanup",
    tag = "operations",
    request_body = Option<What>,
    responses((status = 200, description = "What was removed.", body = Cleaned), Keyed, Received, Failed)
)]
pub(crate) async fn cleanup(
    State(app): State<App>,
    caller: Caller,
    JsonBody(what): JsonBody<What>,
) -> Result<Json<Cleaned>, ApiError> {
    if let Owner::Tenant(_) = caller.owner {
        let removed = app.sessions().remove_all_of(&caller.owner).await;
        return Ok(Json(Cleaned::of_sessions(removed)));
    }
    let images = what.images.unwrap_or(true);
    let cleaned = app
        .cleanups()
        .run(app.tasks(), images, || clean(app.clone(), images))
        .await;
    // The error is shared with other callers.
    cleaned.map(Json).map_err(|error| {
        let error = BackendError::new(error.kind, error.message.clone());
        EngineError::from(error).into()
    })
}

/// Ends all sessions and idle engines, and removes the containers that nobody uses, with `images` the images
/// as well.
async fn clean(app: App, images: bool) -> Result<Cleaned, Arc<BackendError>> {
    let removed = app.sessions().remove_all().await;
    app.engines().stop_idle().await;
    let containers = app.backend().clean_up().await?.into();
    let images = if images {
        Some(app.images().remove_all().await?.into())
    } else {
        None
    };
    Ok(Cleaned {
        containers,
        images,
        ..Cleaned::of_sessions(removed)
    })
}

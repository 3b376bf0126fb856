//! Whether the server is there, and whether it can run something.

use std::time::Duration;

use axum::{Json, extract::State};
use isol8_api::http::{ErrorBody, Health};

use crate::{app::App, error::ApiError};

/// Longest that the backend may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /health`: the server is there.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operations",
    security(()),
    responses((status = 200, description = "It is there.", body = Health))
)]
pub(crate) async fn health() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// `GET /ready`: sandboxes can be started. Everybody may ask, so the answer does not say what is wrong.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "It can start sandboxes.", body = Health),
        (status = 503, description = "It cannot, or takes no work any more.", body = ErrorBody)
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    if app.draining().is_cancelled() {
        return Err(ApiError::Closing);
    }
    let probe = async {
        match tokio::time::timeout(PATIENCE, app.backend().probe()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the backend is not there");
                false
            }
            Err(_) => false,
        }
    };
    if !app.readiness().check(probe).await {
        return Err(ApiError::NotReady);
    }
    Ok(Json(Health {
        status: "ready".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

//! Whether the server is there, and whether it can run something.

use std::time::Duration;

use axum::{Json, extract::State};
use isol8_api::http::Health;

use crate::{app::App, error::ApiError};

/// Longest that the backend may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /health`: the server is there.
pub(crate) async fn health() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// `GET /ready`: sandboxes can be started. Everybody may ask, so the answer does not say what is wrong.
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

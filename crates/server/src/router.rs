//! All routes, and what comes before every one of them.

use std::sync::LazyLock;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    auth::require_key,
    error::ApiError,
    handlers::{
        cleanup, execute, files, health, keys, openapi, operations, queue, sessions, socket, stream,
    },
    openapi::{Description, Document},
    request_id::identify,
};

/// Every endpoint, with its description.
fn endpoints() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(execute::execute))
        .routes(routes!(stream::stream))
        .routes(routes!(socket::upgrade))
        .routes(routes!(files::upload, files::download))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::remove))
        .routes(routes!(queue::drain))
        .routes(routes!(queue::status))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::capacity))
        .routes(routes!(openapi::openapi))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::login))
        .routes(routes!(cleanup::cleanup))
}

/// The description of every endpoint, in `OpenAPI` 3.1.
pub(crate) fn description() -> &'static str {
    static DESCRIPTION: LazyLock<String> =
        LazyLock::new(|| Document::finished(endpoints().into_openapi()));
    &DESCRIPTION
}

/// The routes of a server.
pub(crate) fn router(app: App) -> Router {
    Router::from(endpoints())
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(Extension(Description(description())))
        .layer(from_fn_with_state(app.clone(), require_key))
        .layer(from_fn(identify))
        .with_state(app)
}

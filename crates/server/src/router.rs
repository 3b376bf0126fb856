//! All routes, and what comes before every one of them.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post},
};

use crate::{
    app::App,
    auth::require_key,
    error::ApiError,
    handlers::{
        cleanup, execute, files, health, keys, operations, queue, sessions, socket, stream,
    },
    request_id::identify,
};

/// The routes of a server.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/execute", post(execute::execute))
        .route("/execute/stream", post(stream::stream))
        .route("/execute/ws", get(socket::upgrade))
        .route("/file", post(files::upload).get(files::download))
        .route("/sessions", get(sessions::list))
        .route("/session/{id}", delete(sessions::remove))
        .route("/drain", post(queue::drain))
        .route("/queue/status", get(queue::status))
        .route("/metrics", get(operations::metrics))
        .route("/capacity", get(operations::capacity))
        .route("/auth/keys", post(keys::create).get(keys::list))
        .route("/auth/keys/{id}", delete(keys::revoke))
        .route("/auth/login", post(keys::login))
        .route("/cleanup", post(cleanup::cleanup))
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(from_fn_with_state(app.clone(), require_key))
        .layer(from_fn(identify))
        .with_state(app)
}

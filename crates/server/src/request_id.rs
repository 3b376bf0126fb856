//! An id for each request: in the log and in the answer, so that one finds the other.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;
use uuid::Uuid;

/// The header of answers.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id. The server makes it, so no client can write into the log. Queries are left out of the log.
pub(crate) async fn identify(request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::debug_span!("request", id);
    let begin = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let _in_span = span.enter();
    tracing::debug!(
        %method,
        path = ?path,
        status = response.status().as_u16(),
        ms = begin.elapsed().as_millis(),
        "request answered"
    );
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, id);
    }
    response
}

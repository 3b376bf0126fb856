//! `GET /openapi.json`: the description of all this.

use axum::{Extension, http::header, response::IntoResponse};

use crate::openapi::{Description, Keyed};

/// `GET /openapi.json`: the description of this server, in `OpenAPI` 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operations",
    responses((status = 200, description = "The description.", body = Object), Keyed)
)]
pub(crate) async fn openapi(
    Extension(Description(text)): Extension<Description>,
) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

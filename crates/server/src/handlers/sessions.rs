//! `/sessions` and `/session/:id`.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use isol8_api::http::SessionList;
use serde::Deserialize;

use super::files::Done;
use crate::{
    app::App,
    callers::{Caller, Owner},
    error::ApiError,
    openapi::{Invalid, Keyed},
};

/// `GET /sessions`: the caller's sessions; with the master key all of them.
#[utoipa::path(
    get,
    path = "/sessions",
    tag = "sessions",
    responses((status = 200, description = "The sessions.", body = SessionList), Keyed)
)]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Json<SessionList> {
    Json(SessionList {
        sessions: app.sessions().list(&caller.owner),
    })
}

/// Whose session.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// A tenant. Only the master key may name one.
    tenant_id: Option<String>,
}

/// `DELETE /session/:id`: ends a session of the caller, or with the master key one of the tenant that is named. One that does
/// not exist is no error.
#[utoipa::path(
    delete,
    path = "/session/{id}",
    tag = "sessions",
    params(("id" = String, Path, description = "The id of the session."), Whose),
    responses((status = 200, description = "There is no such session any more.", body = Done), Keyed, Invalid)
)]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Done>, ApiError> {
    let Path(id) = id.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let Query(whose) = whose.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let owner = match (whose.tenant_id, caller.owner) {
        (None, owner) => owner,
        (Some(id), Owner::Operator) => Owner::Tenant(id.into()),
        (Some(_), Owner::Tenant(_)) => return Err(ApiError::MasterOnly),
    };
    app.sessions().remove(&owner, &id).await?;
    Ok(Json(Done::OK))
}

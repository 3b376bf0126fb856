//! `/auth/*`: the keys of tenants. Only the master key comes here.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use isol8_api::http::{CreatedKey, KeyInfo, KeyList, Login, NewKeyBody, RevokedKey};
use isol8_keys::{IssuedKey, KeyRecord, KeyStore, NewKey};
use serde::Deserialize;

use crate::{
    app::App,
    body::JsonBody,
    callers::Operator,
    error::ApiError,
    openapi::{Invalid, Keyed, NoSession, Received},
    time::{iso8601, now_ms},
};

/// The tenant of a key that names none.
const DEFAULT_TENANT: &str = "default";

/// `POST /auth/keys`: makes a key.
#[utoipa::path(
    post,
    path = "/auth/keys",
    tag = "keys",
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "The key. Nobody can read it again.", body = CreatedKey),
        Keyed, Received
    )
)]
pub(crate) async fn create(
    _: Operator,
    State(app): State<App>,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let keys = store(&app)?;
    let name = given(body.name.clone());
    let name = name.ok_or_else(|| ApiError::Invalid("name is required".to_owned()))?;
    let IssuedKey { key, record } = issue(&app, keys, name, *body).await?;
    let created = CreatedKey {
        id: record.id,
        key,
        name: record.name,
        key_prefix: record.key_prefix,
        tenant_id: record.tenant_id,
        expires_at: record.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// `POST /auth/login`: makes a key for a person, whose name is the moment unless the body has one.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "keys",
    request_body = Option<NewKeyBody>,
    responses((status = 200, description = "The key.", body = Login), Keyed, Received)
)]
pub(crate) async fn login(
    _: Operator,
    State(app): State<App>,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<Json<Login>, ApiError> {
    let keys = store(&app)?;
    let name = given(body.name.clone()).unwrap_or_else(|| format!("login-{}", iso8601(now_ms())));
    let IssuedKey { key, record } = issue(&app, keys, name, *body).await?;
    Ok(Json(Login {
        token: key,
        expires_at: record.expires_at,
        key_id: record.id,
    }))
}

async fn issue(
    app: &App,
    keys: &KeyStore,
    name: String,
    body: NewKeyBody,
) -> Result<IssuedKey, ApiError> {
    let lifetime = match body.ttl_ms {
        None => Duration::from_millis(app.config().auth.default_ttl_ms),
        Some(ms) if ms > 0.0 => Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX),
        Some(ms) => {
            let text = format!("Invalid ttlMs: {ms}. It must be above 0.");
            return Err(ApiError::Invalid(text));
        }
    };
    let new = NewKey {
        name,
        tenant_id: given(body.tenant_id).unwrap_or_else(|| DEFAULT_TENANT.to_owned()),
        lifetime,
    };
    Ok(keys.create(new).await?)
}

/// Which keys.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Those of one tenant; all when it is left out.
    tenant_id: Option<String>,
}

/// `GET /auth/keys`: the keys, without what they are.
#[utoipa::path(
    get,
    path = "/auth/keys",
    tag = "keys",
    params(Which),
    responses((status = 200, description = "The keys.", body = KeyList), Keyed, Invalid)
)]
pub(crate) async fn list(
    _: Operator,
    State(app): State<App>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<KeyList>, ApiError> {
    let keys = store(&app)?;
    let Query(which) = which.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let records = keys.list(which.tenant_id.as_deref()).await?;
    let keys = records.into_iter().map(info).collect();
    Ok(Json(KeyList { keys }))
}

/// `DELETE /auth/keys/:id`: revokes a key. Doing it twice is no error.
#[utoipa::path(
    delete,
    path = "/auth/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The id of the key.")),
    responses(
        (status = 200, description = "The key is revoked.", body = RevokedKey),
        Keyed, Invalid, NoSession
    )
)]
pub(crate) async fn revoke(
    _: Operator,
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<RevokedKey>, ApiError> {
    let keys = store(&app)?;
    let Path(id) = id.map_err(|error| ApiError::Invalid(error.body_text()))?;
    if !keys.revoke(&id).await? {
        return Err(ApiError::NoSuchKey);
    }
    Ok(Json(RevokedKey { ok: true, id }))
}

fn store(app: &App) -> Result<&KeyStore, ApiError> {
    app.keys().ok_or(ApiError::NoKeyStore)
}

/// A text that says something.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn info(record: KeyRecord) -> KeyInfo {
    let KeyRecord {
        id,
        name,
        key_prefix,
        tenant_id,
        created_at,
        expires_at,
        last_used_at,
        revoked,
    } = record;
    KeyInfo {
        id,
        name,
        key_prefix,
        tenant_id,
        created_at,
        expires_at,
        last_used_at,
        revoked,
    }
}

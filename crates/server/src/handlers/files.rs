//! `/file`: files of a session.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_api::http::{FileContents, UploadBody};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    body::{JsonBody, file_answer},
    callers::Caller,
    error::ApiError,
    limits::Charge,
    openapi::{Failed, Gone, Invalid, Keyed, LargeFile, NoSession, Received, Waiting},
};

/// That something was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    /// True.
    ok: bool,
}

impl Done {
    /// It was.
    pub(crate) const OK: Self = Self { ok: true };
}

/// Which file.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The session.
    #[param(required = true, value_type = String)]
    session_id: Option<String>,
    /// Path in the sandbox. A relative one is taken from `/sandbox`.
    #[param(required = true, value_type = String)]
    path: Option<String>,
}

/// `POST /file`: writes a file into the sandbox of a session.
#[utoipa::path(
    post,
    path = "/file",
    tag = "sessions",
    request_body = UploadBody,
    responses(
        (status = 200, description = "The file is written.", body = Done),
        Keyed, Received, NoSession, Gone, Failed
    )
)]
pub(crate) async fn upload(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<UploadBody>,
) -> Result<Json<Done>, ApiError> {
    let UploadBody {
        session_id,
        path,
        content,
    } = *body;
    let session = app.sessions().get(&caller.owner, &session_id)?;
    let data = BASE64
        .decode(content)
        .map_err(|error| ApiError::Invalid(format!("Invalid request: content: {error}")))?;
    let _turn = app.file_queue().turn_of_file(&caller, &session).await?;
    let written = session.engine().put_file(path, data).await;
    written.map_err(ApiError::of_file)?;
    Ok(Json(Done::OK))
}

/// `GET /file`: reads a file from the sandbox of a session.
#[utoipa::path(
    get,
    path = "/file",
    tag = "sessions",
    params(Which),
    responses(
        (status = 200, description = "The file.", body = FileContents),
        Keyed, Invalid, Waiting, LargeFile, NoSession, Gone, Failed
    )
)]
pub(crate) async fn download(
    State(app): State<App>,
    caller: Caller,
    charge: Charge,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::Invalid("Missing sessionId or path".to_owned());
    let Query(which) = which.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty()).ok_or_else(missing);
    let (session_id, path) = (given(which.session_id)?, given(which.path)?);
    let session = app.sessions().get(&caller.owner, &session_id)?;
    let _turn = app.file_queue().turn_of_file(&caller, &session).await?;
    let contents = session.engine().get_file(path).await;
    let contents = contents.map_err(ApiError::of_file)?;
    let contents = FileContents {
        content: BASE64.encode(contents),
    };
    file_answer(&charge, &contents)
}

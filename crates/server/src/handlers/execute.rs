//! `POST /execute`: a program, run to its end.

use axum::{Json, extract::State};
use isol8_api::{http::ExecuteBody, result::ExecutionResult};

use crate::{app::App, body::JsonBody, caller::Caller, error::ApiError, execution};

/// Runs a program and answers with its result. A client that goes away ends it.
pub(crate) async fn execute(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<ExecuteBody>,
) -> Result<Json<ExecutionResult>, ApiError> {
    execution::execute(&app, &caller, body).await.map(Json)
}

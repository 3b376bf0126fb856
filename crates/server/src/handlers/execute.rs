//! `POST /execute`: a program, run to its end.

use axum::{extract::State, response::Response};
use isol8_api::http::ExecuteBody;

use crate::{
    app::App,
    body::{JsonBody, answer},
    budget::Charge,
    caller::Caller,
    error::ApiError,
    execution,
    openapi::{Failed, Gone, Keyed, NoSession, Received},
};

/// `POST /execute`: runs a program to its end.
///
/// Runs a program and answers with its result. A client that goes away ends it.
#[utoipa::path(
    post,
    path = "/execute",
    tag = "executions",
    request_body = ExecuteBody,
    responses(
        (status = 200, description = "The program has ended.", body = isol8_api::result::ExecutionResult),
        Keyed, Received, NoSession, Gone, Failed
    )
)]
pub(crate) async fn execute(
    State(app): State<App>,
    caller: Caller,
    charge: Charge,
    JsonBody(body): JsonBody<ExecuteBody>,
) -> Result<Response, ApiError> {
    let result = execution::execute(&app, &caller, body).await?;
    answer(&charge, &result)
}

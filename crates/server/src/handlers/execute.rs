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
};

/// Runs a program and answers with its [result](isol8_api::result::ExecutionResult). A client that goes away ends it.
pub(crate) async fn execute(
    State(app): State<App>,
    caller: Caller,
    charge: Charge,
    JsonBody(body): JsonBody<ExecuteBody>,
) -> Result<Response, ApiError> {
    let result = execution::execute(&app, &caller, body).await?;
    answer(&charge, &result)
}

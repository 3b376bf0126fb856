//! `POST /execute`: a program, run to its end.

use axum::{extract::State, response::Response};
use isol8_api::http::ExecuteBody;

use crate::{
    app::App,
    body::{JsonBody, answer},
    callers::Caller,
    error::ApiError,
    execution,
    limits::Charge,
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
    answer(&charge, &result).map_err(ApiError::after_the_program)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isol8_api::config::Config;

    use super::*;
    use crate::{callers::Owner, place::Nowhere, settings::Settings};

    /// Most that the future of a request takes, in bytes. Everything else that a request takes while it waits is about 20 KiB,
    /// most of it buffers of its connection.
    const MOST: usize = 2048;

    #[test]
    fn a_request_that_waits_is_small() {
        let settings = Settings::new("key", Config::default());
        let app = App::new(&settings, Arc::new(Nowhere)).unwrap();
        let caller = app.caller(Owner::Operator, "key");
        let charge = app.budget().open(&caller.owner);
        let body = JsonBody(Box::default());
        let size = size_of_val(&execute(State(app), caller, charge, body));
        assert!(size <= MOST, "{size} bytes");
    }
}

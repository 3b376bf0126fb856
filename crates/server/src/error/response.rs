//! The answer to a request that is refused or has failed.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use isol8_api::{ErrorCode, http::ErrorBody};
use isol8_engine::EngineError;

use super::{ApiError, RETRY_AFTER};

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::WrongKey | Self::MasterOnly | Self::NotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) | Self::NoKeyStore | Self::File(EngineError::WriteFile { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::KeyStore(error) if error.is_refusal() => StatusCode::BAD_REQUEST,
            Self::File(error) if error.code() == ErrorCode::FileTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::NoRoute | Self::NoSession | Self::NoSuchKey | Self::File(_) => {
                StatusCode::NOT_FOUND
            }
            Self::TooLarge { .. }
            | Self::MessageTooLarge { .. }
            | Self::FileTooLarge { .. }
            | Self::TooManyValues { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody | Self::QueueTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooManySessions { .. }
            | Self::TenantLimit { .. }
            | Self::Crowded { .. }
            | Self::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::SessionLost(_) => StatusCode::GONE,
            // Nothing has run: the request can be sent again.
            Self::Closing | Self::NotReady | Self::KeyStore(_) | Self::NoMemory { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ResultLost(_) | Self::Ended(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Engine(error) => status_of(error),
        }
    }
}

/// A request that is wrong by itself is the caller's fault; everything else is the engine's.
fn status_of(error: &EngineError) -> StatusCode {
    let by_itself = error.is_refusal()
        || matches!(
            error,
            EngineError::NetworkFilter(_)
                | EngineError::FetchPolicy(_)
                | EngineError::SeccompProfile { .. }
        );
    if by_itself {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        self.warn();
        tracing::debug!(status = status.as_u16(), code = %self.code(), "request refused");
        let body = ErrorBody {
            error: self.to_string(),
            code: Some(self.code().as_str().to_owned()),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let retry_after = match self {
            Self::QueueFull
            | Self::Crowded { .. }
            | Self::QueueTimeout { .. }
            | Self::SlowBody
            | Self::NoMemory { .. } => Some(RETRY_AFTER),
            Self::TenantLimit { retry_after, .. } => Some(retry_after),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(
            self,
            Self::TooLarge { .. } | Self::SlowBody | Self::NoMemory { .. }
        ) {
            // The rest of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use isol8_protocol::ErrorKind;

    use super::*;

    #[test]
    fn no_error_of_a_program_that_has_run_invites_to_run_it_again() {
        let no_memory = || ApiError::NoMemory { of_caller: true };
        let answer = |error: ApiError| {
            let code = error.code().as_str();
            let response = error.into_response();
            let headers = response.headers();
            let tries_again = headers.contains_key(header::RETRY_AFTER);
            (response.status().as_u16(), code, tries_again)
        };
        for (error, code) in [
            (no_memory().after_the_program(), "ISOL8_RESULT_LOST"),
            (no_memory().of_ended_program(), "ISOL8_STOPPED"),
            (ApiError::Closing.of_ended_program(), "ISOL8_STOPPED"),
            (EngineError::Stopped.into(), "ISOL8_STOPPED"),
            (EngineError::Cancelled.into(), "ISOL8_CANCELLED"),
        ] {
            assert_eq!(answer(error), (500, code, false));
        }
        let lost = ApiError::in_session(EngineError::SandboxLost);
        assert_eq!(answer(lost), (410, "ISOL8_SANDBOX_LOST", false));
        // Before a program has run, another try is the remedy.
        assert_eq!(answer(no_memory()), (503, "ISOL8_UNAVAILABLE", true));
        assert_eq!(answer(ApiError::Closing), (503, "ISOL8_UNAVAILABLE", false));
    }

    #[test]
    fn a_file_that_fails_is_the_callers_fault_only_where_it_was_the_call() {
        let written = || EngineError::WriteFile {
            kind: ErrorKind::Denied,
            path: "/x".to_owned(),
            reason: "no".to_owned(),
        };
        let read = || EngineError::ReadFile {
            kind: ErrorKind::NotFound,
            path: "/x".to_owned(),
            reason: "no".to_owned(),
        };
        let statuses = |error: &dyn Fn() -> EngineError| {
            [ApiError::of_file(error()), ApiError::in_session(error())]
                .map(|error| error.status().as_u16())
        };
        let too_large = || EngineError::ReadFile {
            kind: ErrorKind::TooLarge,
            path: "/x".to_owned(),
            reason: "no".to_owned(),
        };
        assert_eq!(statuses(&written), [400, 500]);
        assert_eq!(statuses(&read), [404, 500]);
        assert_eq!(statuses(&too_large), [413, 500]);
        assert_eq!(statuses(&|| EngineError::SandboxLost), [410, 410]);
    }
}

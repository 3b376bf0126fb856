//! Everything that a request can be answered with instead of what it asked for.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use isol8_api::{ErrorCode, http::ErrorBody};
use isol8_backend::BackendError;
use isol8_engine::EngineError;

/// Seconds after which a client may try again that found no room.
const RETRY_AFTER: &str = "1";

/// Why a request is not answered with what it asked for. The text is for people; [`Self::code`] is for
/// programs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// There is no key.
    #[error("Missing Authorization header")]
    NoKey,
    /// The key is not one of ours.
    #[error("Invalid API key")]
    WrongKey,
    /// No endpoint has this path.
    #[error("Not found")]
    NoRoute,
    /// The endpoint is there, for another method.
    #[error("Method not allowed")]
    Method,
    /// The body, or a parameter, is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// The body is too large.
    #[error("Request body too large: at most {limit} bytes are accepted")]
    TooLarge {
        /// Most bytes that are accepted.
        limit: usize,
    },
    /// The body did not come.
    #[error("The request body was not received in time")]
    SlowBody,
    /// There is no such session.
    #[error("Session not found")]
    NoSession,
    /// There are too many sessions already.
    #[error("Too many sessions: at most {limit} may exist at a time")]
    TooManySessions {
        /// Most that may exist.
        limit: usize,
    },
    /// As many wait as may.
    #[error("Too many requests — queue is full")]
    QueueFull,
    /// It waited for too long.
    #[error("Request timed out waiting in queue after {ms}ms")]
    QueueTimeout {
        /// How long, in milliseconds.
        ms: u128,
    },
    /// The server is about to end.
    #[error("The server is shutting down")]
    Closing,
    /// The server cannot run anything at the moment.
    #[error("Not ready")]
    NotReady,
    /// The sandbox of a session was lost.
    #[error(transparent)]
    SessionLost(EngineError),
    /// A file of a session does not exist or cannot be used.
    #[error(transparent)]
    File(EngineError),
    /// The engine refused the request or failed at it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<BackendError> for ApiError {
    fn from(error: BackendError) -> Self {
        Self::Engine(error.into())
    }
}

impl ApiError {
    /// The error of an execution in a session.
    pub(crate) fn in_session(error: EngineError) -> Self {
        match error {
            EngineError::SandboxLost => Self::SessionLost(error),
            error => Self::Engine(error),
        }
    }

    /// The error of reading or writing a file of a session.
    pub(crate) fn of_file(error: EngineError) -> Self {
        match error {
            EngineError::ReadFile { .. }
            | EngineError::WriteFile { .. }
            | EngineError::NoActiveContainer => Self::File(error),
            error => Self::in_session(error),
        }
    }

    /// A stable name of this kind of error.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::NoKey => ErrorCode::Unauthorized,
            Self::WrongKey => ErrorCode::Forbidden,
            Self::NoRoute | Self::Method | Self::NoSession => ErrorCode::NotFound,
            Self::Invalid(_) | Self::SlowBody => ErrorCode::InvalidRequest,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::TooManySessions { .. } | Self::QueueFull | Self::QueueTimeout { .. } => {
                ErrorCode::TooManyRequests
            }
            Self::Closing | Self::NotReady => ErrorCode::Unavailable,
            Self::SessionLost(error) | Self::File(error) | Self::Engine(error) => error.code(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::WrongKey => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) | Self::File(EngineError::WriteFile { .. }) => StatusCode::BAD_REQUEST,
            Self::NoRoute | Self::NoSession | Self::File(_) => StatusCode::NOT_FOUND,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody | Self::QueueTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooManySessions { .. } | Self::QueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::SessionLost(_) => StatusCode::GONE,
            Self::Closing | Self::NotReady | Self::Engine(EngineError::Stopped) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
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
        if matches!(self, Self::QueueFull | Self::QueueTimeout { .. }) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if matches!(self, Self::TooLarge { .. } | Self::SlowBody) {
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
        assert_eq!(statuses(&written), [400, 500]);
        assert_eq!(statuses(&read), [404, 500]);
        assert_eq!(statuses(&|| EngineError::SandboxLost), [410, 410]);
    }
}

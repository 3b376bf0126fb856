//! Why a client cannot be made, and why a call of one fails.

use std::path::PathBuf;

use isol8_api::ErrorCode;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The host is no web address.
    #[error(
        "Invalid host: \"{host}\". It must be an address such as http://localhost:3000 or unix:/path."
    )]
    Host {
        /// What was given.
        host: String,
    },
    /// The host has a user's name or password in it.
    #[error("Invalid host: it has a name or a password in it. Give the key as API key.")]
    Credentials,
    /// The key cannot be sent.
    #[error("Invalid apiKey: it has characters that no HTTP header can have.")]
    Key,
    /// A file of certificates that the environment names cannot be used.
    #[error("Invalid {variable}: {}: {cause}", path.display())]
    Certificates {
        /// The variable of the environment.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// The HTTP client cannot be set up.
    #[error("The HTTP client cannot be set up: {0}")]
    Setup(String),
}

impl ConnectionError {
    /// A stable name of this kind of error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Setup(_) => ErrorCode::Remote,
            _ => ErrorCode::InvalidOption,
        }
    }
}

/// A call of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `GET /health`.
    Health,
    /// `POST /execute`.
    Execute,
    /// The events of a program.
    Stream,
    /// `POST /file`.
    Upload,
    /// `GET /file`.
    Download,
    /// `GET /sessions`.
    ListSessions,
    /// `DELETE /session/:id`.
    DeleteSession,
    /// `POST /cleanup`.
    Cleanup,
    /// `GET /queue/status`.
    QueueStatus,
    /// `POST /auth/login`.
    Login,
}

impl Call {
    /// What the message of a failure begins with.
    #[must_use]
    pub const fn failure(self) -> &'static str {
        match self {
            Self::Health => "Remote server health check failed",
            Self::Execute => "Execution failed",
            Self::Stream => "Stream failed",
            Self::Upload => "File upload failed",
            Self::Download => "File download failed",
            Self::ListSessions => "Failed to list sessions",
            Self::DeleteSession => "Failed to delete session",
            Self::Cleanup => "Cleanup failed",
            Self::QueueStatus => "Failed to read the queue status",
            Self::Login => "Authentication failed",
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", call.failure())]
pub struct CallError {
    /// The call.
    pub call: Call,
    /// The reason.
    pub reason: Reason,
}

impl CallError {
    /// The server's code, or that of failed calls where the server names none.
    #[must_use]
    pub fn code(&self) -> &str {
        match &self.reason {
            Reason::Server {
                code: Some(code), ..
            } => code,
            _ => ErrorCode::Remote.as_str(),
        }
    }
}

/// The reason of a failed call.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The server has answered with an error.
    #[error("{error}")]
    Server {
        /// Its status.
        status: u16,
        /// Its message.
        error: String,
        /// Its code, where it has one of the right form.
        code: Option<String>,
    },
    /// The health check was answered with another status than success.
    #[error("{0}")]
    Unwell(u16),
    /// The answer has an error status and no message.
    #[error("HTTP {0}")]
    Status(u16),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
    /// The server does not answer.
    #[error("the server has not answered for {seconds} s")]
    NoAnswer {
        /// How long.
        seconds: u64,
    },
    /// The server redirects to somebody else.
    #[error(
        "the server redirects to another origin, {origin}, which is refused. If this is the right server, use its \
         address as host."
    )]
    OtherOrigin {
        /// Where to.
        origin: String,
    },
    /// The server redirects without end.
    #[error("the server redirects more than {limit} times")]
    Redirects {
        /// Most that are followed.
        limit: usize,
    },
    /// The answer is too long.
    #[error("the server's answer has more than {limit} bytes")]
    TooLong {
        /// Most bytes.
        limit: usize,
    },
    /// The answer is something else than expected.
    #[error("the server's answer is no JSON object")]
    NoObject,
    /// A part of the answer is missing.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// The answer cannot be read.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(String),
    /// An event is too long.
    #[error("the server sent an event without an end")]
    EndlessEvent,
    /// The stream was cut.
    #[error("the connection ended before the program did")]
    Cut,
    /// The server has closed a `WebSocket` for another reason than its end.
    #[error("{0}")]
    Closed(String),
    /// A program's input can stay open over a `WebSocket` only.
    #[error("input while the program runs needs a WebSocket, and the server has opened none")]
    NoWebSocket,
    /// The request cannot be written as JSON.
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

/// The innermost cause of a failure of the HTTP client, which names no address.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}

impl From<reqwest::Error> for Reason {
    fn from(error: reqwest::Error) -> Self {
        Self::Connection(innermost(&error.without_url()))
    }
}

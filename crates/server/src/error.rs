//! Everything that a request can be answered with instead of what it asked for.

mod response;

use std::time::Duration;

use isol8_api::ErrorCode;
use isol8_backend::BackendError;
use isol8_engine::EngineError;
use isol8_keys::KeyStoreError;

/// Seconds after which a client may try again that found no room.
const RETRY_AFTER: u64 = 1;

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
    /// The key is one of a tenant.
    #[error("Master key required for this operation")]
    MasterOnly,
    /// The option is not a tenant's to choose.
    #[error("This key may not set {option}: the server's configuration decides it")]
    NotAllowed {
        /// The option, with its value where only that is refused.
        option: &'static str,
    },
    /// A tenant has reached a limit of its own.
    #[error("Too many requests — {name} ({limit}) of this tenant is reached")]
    TenantLimit {
        /// The setting.
        name: &'static str,
        /// Its value.
        limit: String,
        /// When it is worth another try, in seconds.
        retry_after: u64,
    },
    /// There is no database of keys.
    #[error("DB-backed auth is not enabled")]
    NoKeyStore,
    /// The database has no such key.
    #[error("Key not found")]
    NoSuchKey,
    /// The database of keys refused something or failed.
    #[error("{}", key_store_text(.0))]
    KeyStore(#[from] KeyStoreError),
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
    /// A message of a WebSocket has more bytes than are accepted.
    #[error(
        "WebSocket message too large: at most {limit} bytes are accepted. Send input in several messages"
    )]
    MessageTooLarge {
        /// Most that is accepted, in bytes.
        limit: usize,
    },
    /// The values of the body would take more memory than there is for its caller.
    #[error(
        "Request body too large: its values take more than the {limit} bytes of memory that there are for them. Send fewer values"
    )]
    TooManyValues {
        /// Most memory of the caller's requests, in bytes.
        limit: usize,
    },
    /// A file whose answer could never be held.
    #[error(
        "File too large: its answer has {length} bytes, and {limit} bytes of memory are there for it. Split it inside the sandbox"
    )]
    FileTooLarge {
        /// Length of the answer in bytes.
        length: usize,
        /// Most memory of the caller's requests, in bytes.
        limit: usize,
    },
    /// There is no memory for more of the body.
    #[error(
        "{} hold all the memory that there is for them. Try again later, with fewer requests at a time or smaller ones",
        if *.of_caller { "The requests of this key's owner" } else { "The requests of all clients" }
    )]
    NoMemory {
        /// Whether those of the caller do so alone.
        of_caller: bool,
    },
    /// The program has run, and there is no memory for its result.
    #[error("The program has run, and its result is lost: {0}")]
    ResultLost(Box<Self>),
    /// The program was ended, since this stands in its way.
    #[error("The program was ended: {0}")]
    Ended(Box<Self>),
    /// The body did not come, or came too slowly.
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
    /// The tenants have nearly all that there is.
    #[error(
        "Too many requests — the tenants have nearly all {what} of the server. Try again later"
    )]
    Crowded {
        /// What they have.
        what: &'static str,
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

/// The message for clients. A failure may say where the database is, which is for the operator alone.
fn key_store_text(error: &KeyStoreError) -> String {
    if error.is_refusal() {
        return error.to_string();
    }
    "The key database cannot be used at the moment".to_owned()
}

impl ApiError {
    /// That a tenant has reached the limit `name`.
    pub(crate) fn tenant_limit(
        name: &'static str,
        limit: &impl ToString,
        wait: Option<Duration>,
    ) -> Self {
        let seconds = wait.map(|wait| wait.as_secs_f64().ceil());
        Self::TenantLimit {
            name,
            limit: limit.to_string(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float that is too large becomes the largest number"
            )]
            retry_after: seconds.map_or(RETRY_AFTER, |seconds| seconds as u64),
        }
    }

    /// The error of an answer for which the program has run. To run it again is no remedy, so this is no error that invites to it.
    pub(crate) fn after_the_program(self) -> Self {
        match self {
            error @ Self::NoMemory { .. } => Self::ResultLost(error.into()),
            error => error,
        }
    }

    /// The error of a program that has begun and was ended.
    pub(crate) fn of_ended_program(self) -> Self {
        match self {
            error @ (Self::NoMemory { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyValues { .. }
            | Self::Closing) => Self::Ended(error.into()),
            error => error,
        }
    }

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

    /// Tells the operator of a database that failed.
    pub(crate) fn warn(&self) {
        if let Self::KeyStore(error) = self
            && !error.is_refusal()
        {
            tracing::warn!(%error, "the key database failed");
        }
    }

    /// A stable name of this kind of error.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::NoKey => ErrorCode::Unauthorized,
            Self::WrongKey | Self::MasterOnly | Self::NotAllowed { .. } => ErrorCode::Forbidden,
            Self::NoRoute | Self::Method | Self::NoSession | Self::NoSuchKey => ErrorCode::NotFound,
            Self::Invalid(_) | Self::SlowBody | Self::NoKeyStore => ErrorCode::InvalidRequest,
            Self::KeyStore(error) if error.is_refusal() => ErrorCode::InvalidRequest,
            Self::TooLarge { .. } | Self::MessageTooLarge { .. } | Self::TooManyValues { .. } => {
                ErrorCode::TooLarge
            }
            Self::TooManySessions { .. }
            | Self::TenantLimit { .. }
            | Self::Crowded { .. }
            | Self::QueueFull
            | Self::QueueTimeout { .. } => ErrorCode::TooManyRequests,
            Self::FileTooLarge { .. } => ErrorCode::FileTooLarge,
            Self::Closing | Self::NotReady | Self::KeyStore(_) | Self::NoMemory { .. } => {
                ErrorCode::Unavailable
            }
            Self::ResultLost(_) => ErrorCode::ResultLost,
            Self::Ended(_) => ErrorCode::Stopped,
            Self::SessionLost(error) | Self::File(error) | Self::Engine(error) => error.code(),
        }
    }
}

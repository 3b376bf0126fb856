//! Everything that can go wrong with an execution, with the messages that users see.

use isol8_api::{ErrorCode, result::Termination};
use isol8_backend::{BackendError, BackendErrorKind};
use isol8_protocol::ErrorKind;

use crate::{
    audit::AuditError,
    fetch::{FetchError, FetchPolicyError},
    options::OptionError,
    plan::PlanError,
    runtime::RuntimeError,
};

/// Why something could not be done. The text is for people; [`Self::code`] is for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// An option is not acceptable.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// An entry of the network filter is not acceptable.
    #[error("Invalid networkFilter: {0}")]
    NetworkFilter(#[from] isol8_egress::PolicyError),
    /// A request is not acceptable.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The program could not be fetched from its URL.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The policy for remote code is not acceptable.
    #[error(transparent)]
    FetchPolicy(#[from] FetchPolicyError),
    /// The audit log could not be started or is closed: nothing runs unrecorded.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There is no such runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A setting outside the options is not acceptable.
    #[error("{0}")]
    InvalidConfig(String),
    /// The backend could not do what it was asked.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A custom seccomp profile could not be read.
    #[error("Failed to load custom seccomp profile at {path}: {reason}")]
    SeccompProfile {
        /// Its path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The guest broke the protocol or did not answer; its sandbox is gone.
    #[error("The sandbox does not answer as it should: {0}")]
    Guest(String),
    /// The sandbox ended while it was in use (out of memory, removed, Docker stopped).
    #[error("The sandbox was lost: its container ended while it was in use")]
    SandboxLost,
    /// The guest could not do what it was asked.
    #[error("{message}")]
    Refused {
        /// Kind of failure.
        kind: ErrorKind,
        /// The file concerned, or empty.
        path: String,
        /// The cause.
        message: String,
    },
    /// A file could not be written.
    #[error("Failed to write file {path} in container (exit code 1): {reason}")]
    WriteFile {
        /// Kind of failure.
        kind: ErrorKind,
        /// Its path.
        path: String,
        /// The cause.
        reason: String,
    },
    /// A file could not be read.
    #[error("Failed to read file {path} in container: {reason} (exit code 1)")]
    ReadFile {
        /// Kind of failure.
        kind: ErrorKind,
        /// Its path.
        path: String,
        /// The cause.
        reason: String,
    },
    /// A file of this machine could not be read on its way into a sandbox.
    #[error("Cannot read {path}: {reason}")]
    LocalFile {
        /// Its path on this machine.
        path: String,
        /// The cause.
        reason: String,
    },
    /// The files of a request took too long.
    #[error(
        "{what} timed out after {milliseconds}ms. Raise timeoutMs, or use fewer or smaller files."
    )]
    FilesTimeout {
        /// What was done with them.
        what: &'static str,
        /// The time limit.
        milliseconds: u128,
    },
    /// The packages could not be installed.
    #[error("Package install failed {0}")]
    Install(StepFailure),
    /// A setup script failed.
    #[error("Setup script failed {0}")]
    Setup(StepFailure),
    /// A persistent engine was asked for a second runtime.
    #[error(
        "Cannot switch runtime from \"{from}\" to \"{to}\". Each persistent container supports a \
         single runtime. Create a new Isol8 instance for a different runtime. A command runs in this \
         one: {{ runtime: \"{from}\", cmd: \"...\" }}."
    )]
    RuntimeSwitch {
        /// The runtime that the engine has.
        from: String,
        /// The one asked for.
        to: String,
    },
    /// A file operation without a sandbox.
    #[error("No active container. Call execute() first in persistent mode.")]
    NoActiveContainer,
    /// The caller gave up.
    #[error("The execution was cancelled")]
    Cancelled,
    /// The engine was stopped.
    #[error("The engine was stopped")]
    Stopped,
    /// Something that should not happen.
    #[error("Internal error: {0}")]
    Internal(String),
}

/// How a step before the program failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("(exit code {code}): {stderr}")]
pub struct StepFailure {
    /// Its exit code.
    pub code: i32,
    /// Its error output.
    pub stderr: String,
    /// How it ended.
    pub termination: Termination,
}

impl EngineError {
    /// `what` fails under the seccomp profile that the caller chose.
    pub(crate) fn denied_by_profile(what: &str, error: Self) -> Self {
        let message = format!(
            "{what} under the seccomp profile of the option security.customProfilePath, which denies too much: {error}. \
             Allow at least what Docker's default profile allows."
        );
        BackendError::new(BackendErrorKind::Seccomp, message)
            .caused_by(error)
            .into()
    }

    /// Whether the image that a sandbox was to run in does not exist.
    #[must_use]
    pub fn is_image_missing(&self) -> bool {
        matches!(self, Self::Backend(error) if error.kind == BackendErrorKind::ImageMissing)
    }

    /// Whether a file was larger than what may be read.
    pub(crate) fn is_large_file(&self) -> bool {
        matches!(
            self,
            Self::ReadFile {
                kind: ErrorKind::TooLarge,
                ..
            }
        )
    }

    /// Whether the request was not acceptable, so that nothing was started for it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        if let Self::Backend(error) = self {
            return error.kind == BackendErrorKind::Unsupported;
        }
        matches!(
            self,
            Self::Option(_)
                | Self::Plan(_)
                | Self::Fetch(_)
                | Self::Runtime(_)
                | Self::RuntimeSwitch { .. }
        )
    }

    /// A stable name of this kind of error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Option(_) | Self::NetworkFilter(_) => ErrorCode::InvalidOption,
            Self::Plan(PlanError::Limit(_)) => ErrorCode::RequestLimit,
            Self::Plan(PlanError::Runtime(_)) | Self::Runtime(_) => ErrorCode::UnknownRuntime,
            Self::Plan(_) => ErrorCode::InvalidRequest,
            Self::Fetch(_) => ErrorCode::RemoteCode,
            Self::Audit(_) => ErrorCode::Audit,
            Self::InvalidConfig(_) | Self::FetchPolicy(_) => ErrorCode::InvalidConfig,
            Self::Backend(error) => backend_code(error.kind),
            Self::SeccompProfile { .. } => ErrorCode::SeccompProfile,
            Self::Guest(_) => ErrorCode::Guest,
            Self::SandboxLost => ErrorCode::SandboxLost,
            Self::Refused {
                kind: ErrorKind::NoSpace,
                ..
            } => ErrorCode::NoSpace,
            Self::Refused { .. } => ErrorCode::Refused,
            Self::WriteFile { kind, .. } | Self::ReadFile { kind, .. } => file_code(*kind),
            Self::LocalFile { .. } => ErrorCode::File,
            Self::FilesTimeout { .. } => ErrorCode::FilesTimeout,
            Self::Install(_) => ErrorCode::Install,
            Self::Setup(_) => ErrorCode::Setup,
            Self::RuntimeSwitch { .. } => ErrorCode::RuntimeSwitch,
            Self::NoActiveContainer => ErrorCode::NoActiveContainer,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Stopped => ErrorCode::Stopped,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

/// The public name of what is wrong with a file.
fn file_code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::NotFound => ErrorCode::FileNotFound,
        ErrorKind::Denied => ErrorCode::FileDenied,
        ErrorKind::NotAFile => ErrorCode::NotAFile,
        ErrorKind::NoSpace => ErrorCode::NoSpace,
        ErrorKind::TooLarge => ErrorCode::FileTooLarge,
        _ => ErrorCode::File,
    }
}

/// The public name of what a backend failed at. The names are those of the first backend, Docker.
fn backend_code(kind: BackendErrorKind) -> ErrorCode {
    match kind {
        BackendErrorKind::Unreachable => ErrorCode::DockerUnreachable,
        BackendErrorKind::ImageMissing => ErrorCode::ImageMissing,
        BackendErrorKind::Unsupported => ErrorCode::Unsupported,
        BackendErrorKind::Unavailable => ErrorCode::LocalUnavailable,
        BackendErrorKind::System => ErrorCode::Local,
        BackendErrorKind::ImageRefused => ErrorCode::ImageRefused,
        BackendErrorKind::ImageBuild => ErrorCode::ImageBuild,
        BackendErrorKind::UnknownRuntime => ErrorCode::UnknownRuntime,
        BackendErrorKind::ContainerRuntime => ErrorCode::OciRuntime,
        BackendErrorKind::Configuration => ErrorCode::InvalidConfig,
        BackendErrorKind::Limit => ErrorCode::InvalidOption,
        BackendErrorKind::Seccomp => ErrorCode::SeccompProfile,
        _ => ErrorCode::Docker,
    }
}

//! Everything that can go wrong with an execution, with the messages that users see.

use isol8_backend::{BackendError, BackendErrorKind};
use isol8_protocol::ErrorKind;

use crate::{
    audit::AuditError, fetch::FetchError, options::OptionError, plan::PlanError,
    runtime::RuntimeError,
};

/// Why something could not be done. The text is for people; [`Self::code`] is for programs.
#[derive(Debug, thiserror::Error)]
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
        /// Its path.
        path: String,
        /// The cause.
        reason: String,
    },
    /// A file could not be read.
    #[error("Failed to read file {path} in container: {reason} (exit code 1)")]
    ReadFile {
        /// Its path.
        path: String,
        /// The cause.
        reason: String,
    },
    /// The packages could not be installed.
    #[error("Package install failed (exit code {code}): {stderr}")]
    Install {
        /// Exit code of the package manager.
        code: i32,
        /// What it said.
        stderr: String,
    },
    /// A setup script failed.
    #[error("Setup script failed (exit code {code}): {stderr}")]
    Setup {
        /// Its exit code.
        code: i32,
        /// What it said.
        stderr: String,
    },
    /// A persistent engine was asked for a second runtime.
    #[error(
        "Cannot switch runtime from \"{from}\" to \"{to}\". Each persistent container supports a \
         single runtime. Create a new Isol8 instance for a different runtime."
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

impl EngineError {
    /// Whether the image that a sandbox was to run in does not exist.
    #[must_use]
    pub fn is_image_missing(&self) -> bool {
        matches!(self, Self::Backend(error) if error.kind == BackendErrorKind::ImageMissing)
    }

    /// Whether the request was not acceptable, so that nothing was started for it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
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
    pub fn code(&self) -> &'static str {
        match self {
            Self::Option(_) | Self::NetworkFilter(_) => "ISOL8_INVALID_OPTION",
            Self::Plan(_) => "ISOL8_INVALID_REQUEST",
            Self::Fetch(_) => "ISOL8_REMOTE_CODE",
            Self::Audit(_) => "ISOL8_AUDIT",
            Self::Runtime(_) => "ISOL8_UNKNOWN_RUNTIME",
            Self::InvalidConfig(_) => "ISOL8_INVALID_CONFIG",
            Self::Backend(error) => backend_code(error.kind),
            Self::SeccompProfile { .. } => "ISOL8_SECCOMP_PROFILE",
            Self::Guest(_) => "ISOL8_GUEST",
            Self::SandboxLost => "ISOL8_SANDBOX_LOST",
            Self::Refused { .. } => "ISOL8_REFUSED",
            Self::WriteFile { .. } | Self::ReadFile { .. } => "ISOL8_FILE",
            Self::Install { .. } => "ISOL8_INSTALL",
            Self::Setup { .. } => "ISOL8_SETUP",
            Self::RuntimeSwitch { .. } => "ISOL8_RUNTIME_SWITCH",
            Self::NoActiveContainer => "ISOL8_NO_ACTIVE_CONTAINER",
            Self::Cancelled => "ISOL8_CANCELLED",
            Self::Stopped => "ISOL8_STOPPED",
            Self::Internal(_) => "ISOL8_INTERNAL",
        }
    }
}

/// The public name of what a backend failed at. The names are those of the first backend, Docker.
fn backend_code(kind: BackendErrorKind) -> &'static str {
    match kind {
        BackendErrorKind::Unreachable => "ISOL8_DOCKER_UNREACHABLE",
        BackendErrorKind::ImageMissing => "ISOL8_IMAGE_MISSING",
        BackendErrorKind::ImageBuild => "ISOL8_IMAGE_BUILD",
        BackendErrorKind::UnknownRuntime => "ISOL8_UNKNOWN_RUNTIME",
        BackendErrorKind::ContainerRuntime => "ISOL8_OCI_RUNTIME",
        BackendErrorKind::Configuration => "ISOL8_INVALID_CONFIG",
        _ => "ISOL8_DOCKER",
    }
}

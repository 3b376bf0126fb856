//! Everything that can go wrong with an execution, with the messages that users see.

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
    /// No daemon answers.
    #[error(
        "Cannot reach Docker at {address}: {reason}. Is Docker installed and running? Start it, or \
         say where it is with DOCKER_HOST or the `docker` option."
    )]
    DockerUnreachable {
        /// Where it was looked for.
        address: String,
        /// Why it could not be reached.
        reason: String,
    },
    /// The daemon refused a request.
    #[error("Docker: {0}")]
    Docker(String),
    /// There is no such image.
    #[error(
        "Image not found: {image}. Build or pull it first (`isol8 setup` builds the images of the \
         runtimes), or change the `image` option."
    )]
    ImageMissing {
        /// The image's name.
        image: String,
    },
    /// The daemon does not know this OCI runtime, or it failed.
    #[error(
        "The OCI runtime {runtime:?} (option security.runtime) does not work: {reason}. Is it \
         installed and known to the Docker daemon?"
    )]
    OciRuntime {
        /// Its name.
        runtime: String,
        /// What the daemon said.
        reason: String,
    },
    /// An image did not build.
    #[error("Failed to build image for {runtime}: {reason}")]
    ImageBuild {
        /// The runtime whose image it was.
        runtime: String,
        /// The step that failed and the last lines of its output.
        reason: String,
    },
    /// There is no image for such a runtime.
    #[error("Unknown runtime: {0}")]
    UnknownImageRuntime(String),
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
            Self::Runtime(_) | Self::UnknownImageRuntime(_) => "ISOL8_UNKNOWN_RUNTIME",
            Self::InvalidConfig(_) => "ISOL8_INVALID_CONFIG",
            Self::DockerUnreachable { .. } => "ISOL8_DOCKER_UNREACHABLE",
            Self::Docker(_) => "ISOL8_DOCKER",
            Self::ImageMissing { .. } => "ISOL8_IMAGE_MISSING",
            Self::OciRuntime { .. } => "ISOL8_OCI_RUNTIME",
            Self::ImageBuild { .. } => "ISOL8_IMAGE_BUILD",
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

impl From<bollard::errors::Error> for EngineError {
    fn from(error: bollard::errors::Error) -> Self {
        match error {
            bollard::errors::Error::DockerResponseServerError { message, .. } => {
                Self::Docker(message)
            }
            other => Self::Docker(other.to_string()),
        }
    }
}

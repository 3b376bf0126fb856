//! Everything that can go wrong in the engine. Messages are public: programs match on them.

use crate::{
    options::OptionError,
    plan::PlanError,
    runtime::{PackageError, RuntimeError},
};

/// A failure of the engine. That a program fails is none: its exit code says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// An option was refused.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A request was refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Docker does not answer.
    #[error(
        "Cannot reach Docker at {endpoint}: {cause}. Is the daemon running, and may this user use \
         it?"
    )]
    DockerUnreachable {
        /// Socket or address.
        endpoint: String,
        /// What the connection said.
        cause: String,
    },
    /// Docker (or another backend) refused to do something.
    #[error("Failed to {action}: {cause}")]
    Backend {
        /// What was to be done, as a verb with its object.
        action: &'static str,
        /// What the backend said.
        cause: String,
    },
    /// An image that the caller named is not there.
    #[error("Image not found: {image}. Pull or build it, or leave the image option out.")]
    ImageMissing {
        /// The image.
        image: String,
    },
    /// An image was to be built for a runtime that has none.
    #[error("Unknown runtime: {runtime}")]
    NoSuchImage {
        /// The runtime.
        runtime: String,
    },
    /// An image could not be built.
    #[error("Failed to build image for {runtime}: {cause}")]
    ImageBuild {
        /// The runtime.
        runtime: String,
        /// What the build said.
        cause: String,
    },
    /// A custom seccomp profile cannot be used.
    #[error("Failed to load custom seccomp profile at {path}: {cause}")]
    Seccomp {
        /// File of the profile.
        path: String,
        /// What was wrong with it.
        cause: String,
    },
    /// The connection to a sandbox ended while it was in use.
    #[error("The sandbox was lost: {cause}")]
    SandboxLost {
        /// What is known about it.
        cause: String,
    },
    /// Packages could not be installed.
    #[error("Package install failed (exit code {code}): {stderr}")]
    Install {
        /// Exit code of the installer.
        code: i32,
        /// What it wrote to standard error, masked.
        stderr: String,
    },
    /// A setup script failed.
    #[error("Setup script failed (exit code {code}): {stderr}")]
    Setup {
        /// Exit code of the script.
        code: i32,
        /// What it wrote to standard error, masked.
        stderr: String,
    },
    /// A file could not be written.
    #[error("Failed to write file {path} in container (exit code {code})")]
    WriteFile {
        /// The file.
        path: String,
        /// What a shell command that failed so would have reported.
        code: i32,
    },
    /// A file could not be read.
    #[error("Failed to read file {path} in container: {stderr} (exit code {code})")]
    ReadFile {
        /// The file.
        path: String,
        /// The cause.
        stderr: String,
        /// What a shell command that failed so would have reported.
        code: i32,
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
}

impl EngineError {
    /// Stable code of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Option(error) => error.code(),
            Self::Plan(error) => error.code(),
            Self::DockerUnreachable { .. } => "DOCKER_UNREACHABLE",
            Self::Backend { .. } => "BACKEND",
            Self::ImageMissing { .. } => "IMAGE_MISSING",
            Self::NoSuchImage { .. } => "UNKNOWN_RUNTIME",
            Self::ImageBuild { .. } => "IMAGE_BUILD",
            Self::Seccomp { .. } => "SECCOMP_PROFILE",
            Self::SandboxLost { .. } => "SANDBOX_LOST",
            Self::Install { .. } => "INSTALL_FAILED",
            Self::Setup { .. } => "SETUP_FAILED",
            Self::WriteFile { .. } => "WRITE_FILE",
            Self::ReadFile { .. } => "READ_FILE",
            Self::RuntimeSwitch { .. } => "RUNTIME_SWITCH",
            Self::NoActiveContainer => "NO_ACTIVE_CONTAINER",
            Self::Cancelled => "CANCELLED",
            Self::Stopped => "STOPPED",
        }
    }
}

impl From<RuntimeError> for EngineError {
    fn from(error: RuntimeError) -> Self {
        Self::Plan(error.into())
    }
}

impl From<PackageError> for EngineError {
    fn from(error: PackageError) -> Self {
        Self::Plan(error.into())
    }
}

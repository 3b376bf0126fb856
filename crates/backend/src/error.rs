//! Why a backend could not do what it was asked.

use std::error::Error as StdError;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// Nothing that runs sandboxes answers.
    Unreachable,
    /// There is no such image.
    ImageMissing,
    /// No sandbox can be made of an image as it is.
    ImageRefused,
    /// An image did not build.
    ImageBuild,
    /// There is no image for such a runtime.
    UnknownRuntime,
    /// The container runtime that the caller named does not work.
    ContainerRuntime,
    /// A setting of the caller or of its environment is not acceptable.
    Configuration,
    /// No sandbox can start under the caller's own seccomp profile.
    Seccomp,
    /// A limit of a sandbox is beyond what the machine can give.
    Limit,
    /// The backend has nothing of the kind that was asked for.
    Unsupported,
    /// This machine does not let sandboxes run as it is.
    Unavailable,
    /// The system of this machine refused a step or failed at it.
    System,
    /// The backend refused a request or failed at it.
    Failed,
}

/// Why a backend could not do what it was asked. The message is for people, the kind for programs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct BackendError {
    /// What kind of failure it was.
    pub kind: BackendErrorKind,
    /// What happened and what to do.
    pub message: String,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BackendError {
    /// An error without a cause of its own.
    #[must_use]
    pub fn new(kind: BackendErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// No image has this name.
    #[must_use]
    pub fn image_missing(image: &str) -> Self {
        Self::new(
            BackendErrorKind::ImageMissing,
            format!(
                "Image not found: {image}. Build or pull it first (`isol8 setup` builds the images of \
                 the runtimes), or change the `image` option."
            ),
        )
    }

    /// An image did not build: `reason` is the step that failed and the last lines of its output.
    #[must_use]
    pub fn image_build(runtime: &str, reason: &str) -> Self {
        Self::new(
            BackendErrorKind::ImageBuild,
            format!("Failed to build image for {runtime}: {reason}"),
        )
    }

    /// There is no image for such a runtime.
    #[must_use]
    pub fn unknown_runtime(runtime: &str) -> Self {
        Self::new(
            BackendErrorKind::UnknownRuntime,
            format!("Unknown runtime: {runtime}"),
        )
    }
}

//! Why an image with such volumes is refused.

use isol8_backend::{BackendError, BackendErrorKind};

/// Why an image with such volumes is refused, or why they could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// No sandbox can have a volume there.
    #[error(
        "The image declares the volume {path}: {reason}. Use an image that does not declare this volume."
    )]
    Refused {
        /// Path of the volume.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something in a volume cannot be copied.
    #[error(
        "The image declares the volume {volume}, and {path} in it cannot be copied into a sandbox: {reason}."
    )]
    Content {
        /// Path of the volume.
        volume: String,
        /// Path of the entry.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The content of a volume is too large.
    #[error(
        "The image declares the volume {path}, and its content is larger than {limit} bytes: {option}."
    )]
    TooLarge {
        /// Path of the volume.
        path: String,
        /// The limit in bytes.
        limit: u64,
        /// Where the limit comes from.
        option: &'static str,
    },
    /// The content of all volumes together is too large.
    #[error(
        "The volumes that the image declares have more than {limit} bytes of content together: {option}."
    )]
    TooLargeTogether {
        /// The limit in bytes.
        limit: u64,
        /// Where the limit comes from.
        option: &'static str,
    },
    /// The daemon failed.
    #[error("Docker: {0}")]
    Docker(#[from] bollard::errors::Error),
    /// The content could not be read or kept.
    #[error("The volumes of the image could not be read: {0}")]
    Io(#[from] std::io::Error),
}

impl From<VolumeError> for BackendError {
    fn from(error: VolumeError) -> Self {
        let kind = match error {
            VolumeError::Refused { .. }
            | VolumeError::Content { .. }
            | VolumeError::TooLarge { .. }
            | VolumeError::TooLargeTogether { .. } => BackendErrorKind::ImageRefused,
            VolumeError::Docker(_) | VolumeError::Io(_) => BackendErrorKind::Failed,
        };
        Self::new(kind, error.to_string()).caused_by(error)
    }
}

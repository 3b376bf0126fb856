//! What callers may need that not every backend has.

use crate::{BackendError, BackendErrorKind};

/// Something that not every backend has. Each comes from an option, or from a field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// An image that the caller names: the option `image`, or that of an adapter.
    Image,
    /// An image that is built with packages: `buildCustomImage`, `isol8 build`, `prebuiltImages`, `dependencies`.
    BuiltImage,
    /// A sandbox that stays: the option `persist`.
    Persist,
    /// A root file system that programs can change: the option `readonlyRootFs: false`.
    WritableRoot,
    /// The OCI runtime of the option `security.runtime`.
    ContainerRuntime,
    /// Packages of the distribution: `installPackages` for Bash.
    DistributionPackages,
}

impl Need {
    /// What the caller has written.
    const fn written(self) -> &'static str {
        match self {
            Self::Image => "The option image (or the image of an adapter)",
            Self::BuiltImage => "An image with packages or a setup script",
            Self::Persist => "The option persist",
            Self::WritableRoot => "The option readonlyRootFs: false",
            Self::ContainerRuntime => "The option security.runtime",
            Self::DistributionPackages => "installPackages for Bash",
        }
    }
}

impl BackendError {
    /// `backend` does not have what is needed. Docker has all of it.
    #[must_use]
    pub fn unsupported(backend: &str, need: Need) -> Self {
        let written = need.written();
        let message = format!(
            "{written} needs Docker, and sandboxes run on the {backend} backend here. Leave it out, or choose Docker: \
             backend \"docker\" or ISOL8_BACKEND=docker."
        );
        Self::new(BackendErrorKind::Unsupported, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_option_the_backend_and_what_to_do() {
        let error = BackendError::unsupported("local", Need::Persist);
        assert_eq!(error.kind, BackendErrorKind::Unsupported);
        assert_eq!(
            error.message,
            "The option persist needs Docker, and sandboxes run on the local backend here. Leave it out, or choose \
             Docker: backend \"docker\" or ISOL8_BACKEND=docker."
        );
    }
}

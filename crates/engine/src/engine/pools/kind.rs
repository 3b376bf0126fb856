//! What tells the pools of an engine apart.

use std::hash::{Hash, Hasher};

use isol8_backend::{SandboxSpec, SeccompProfile};

/// What tells pools apart: the id of the image, the runtime, and the seccomp profile, whose file may have changed.
/// The rest of a specification is the same for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Kind {
    pub(in crate::engine) image: String,
    pub(in crate::engine) runtime: String,
    seccomp: SeccompProfile,
}

impl Hash for Kind {
    /// Without the seccomp profile: each execution computes this, and a custom profile is long. Equality covers it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.image.hash(state);
        self.runtime.hash(state);
    }
}

impl Kind {
    pub(in crate::engine) fn of(spec: &SandboxSpec) -> Self {
        Self {
            image: spec.image.clone(),
            runtime: spec.runtime.clone(),
            seccomp: spec.seccomp.clone(),
        }
    }

    /// Whether only the seccomp profiles differ.
    pub(super) fn has_other_profile(&self, other: &Self) -> bool {
        self.is_for(&other.image, &other.runtime) && self.seccomp != other.seccomp
    }

    pub(super) fn is_for(&self, image: &str, runtime: &str) -> bool {
        self.image == image && self.runtime == runtime
    }
}

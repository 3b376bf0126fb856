//! Words and defaults that options and the configuration share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Network of a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Loopback only.
    #[default]
    None,
    /// The host's own.
    Host,
    /// Loopback, and a filtering proxy on it.
    Filtered,
}

/// What runs sandboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// Docker where a daemon answers, else this machine.
    #[default]
    Auto,
    /// A Docker daemon.
    Docker,
    /// Linux namespaces of this machine.
    Local,
}

impl BackendChoice {
    /// The words, as errors list them.
    pub const WORDS: &str = "auto, docker, local";

    /// What a word means; `None` when it is none of [`Self::WORDS`].
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "docker" => Some(Self::Docker),
            "local" => Some(Self::Local),
            _ => None,
        }
    }
}

/// What the local backend does where this machine offers no control groups or no overlay file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LocalLimits {
    /// It starts no sandbox.
    #[default]
    Required,
    /// It starts sandboxes all the same, with the limits that can be had. They may share inodes with the host.
    BestEffort,
}

impl LocalLimits {
    /// The words, as errors list them.
    pub const WORDS: &str = "required, best-effort";

    /// What a word means; `None` when it is none of [`Self::WORDS`].
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "required" => Some(Self::Required),
            "best-effort" => Some(Self::BestEffort),
            _ => None,
        }
    }
}

/// Which system call filter a sandbox has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SeccompMode {
    /// The allowlist of isol8.
    #[default]
    Strict,
    /// None.
    Unconfined,
    /// The profile in the file `customProfilePath`.
    Custom,
}

/// When a used sandbox is cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PoolStrategy {
    /// In the background after use.
    #[default]
    Fast,
    /// When it is handed out again.
    Secure,
}

/// Host patterns from which code is never fetched unless the caller says otherwise: this machine,
/// private networks and cloud metadata. ECMAScript regular expressions, matched ignoring case.
pub const DEFAULT_BLOCKED_HOSTS: [&str; 13] = [
    r"^localhost$",
    r"\.localhost$",
    r"^127\.",
    r"^0\.",
    r"^10\.",
    r"^172\.(1[6-9]|2[0-9]|3[01])\.",
    r"^192\.168\.",
    r"^169\.254\.",
    r"^\[?::1\]?$",
    r"^\[?f[cd][0-9a-f]{2}:",
    r"^\[?fe[89ab][0-9a-f]:",
    r"^metadata\.google\.internal$",
    r"^metadata\.azure\.internal$",
];

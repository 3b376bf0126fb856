//! Arguments of every command that has sandboxes.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

// Documentation of this type would replace that of the command that it is a part of.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are printed as they are"
)]
pub(crate) struct BackendArgs {
    /// What runs sandboxes: a Docker daemon, Linux namespaces of this machine (local), or Docker where a daemon answers
    /// and this machine otherwise (auto) [default: $ISOL8_BACKEND, else that of the configuration, else auto]
    #[arg(long, value_name = "BACKEND", help_heading = "Backend",
        value_parser = PossibleValuesParser::new(["auto", "docker", "local"]).map(|word| word.clone()))]
    pub(crate) backend: Option<String>,
    /// Where this machine offers no control groups or no overlay file system, the local backend starts no sandbox
    /// (required), or starts sandboxes all the same, with the limits that can be had (best-effort) [default: that of the
    /// configuration, else required]
    #[arg(long, value_name = "LIMITS", help_heading = "Backend",
        value_parser = PossibleValuesParser::new(["required", "best-effort"]).map(|word| word.clone()))]
    pub(crate) limits: Option<String>,
}

impl BackendArgs {
    /// Whether a flag was given.
    pub(crate) fn is_given(&self) -> bool {
        self.backend.is_some() || self.limits.is_some()
    }
}

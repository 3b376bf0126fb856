//! Arguments of `doctor`.

use clap::Args;

/// Checks what isol8 needs on this machine, and says how to mend what is wrong.
///
/// The exit code is 1 when there is a problem. Warnings are none.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DoctorArgs {
    /// Print the checks as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not try to reach the package registries
    #[arg(long)]
    pub(crate) offline: bool,
}

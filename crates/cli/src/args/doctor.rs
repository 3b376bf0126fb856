//! Arguments of `doctor`.

use clap::Args;

use super::BackendArgs;

/// Check what isol8 needs on this machine.
///
/// Each problem comes with its remedy. The exit code is 1 when there is a problem, and 0 when there are only
/// warnings.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Print the checks as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not try to reach the package registries
    #[arg(long)]
    pub(crate) offline: bool,
}

//! Arguments of `cleanup`.

use clap::Args;

/// Removes containers that nobody uses any more, and with --images the images of isol8.
///
/// Containers that a living process uses stay.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CleanupArgs {
    /// Do not ask
    #[arg(long)]
    pub(crate) force: bool,
    /// Remove the images of isol8, too
    #[arg(long)]
    pub(crate) images: bool,
}

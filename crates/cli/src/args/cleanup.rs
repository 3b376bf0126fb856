//! Arguments of `cleanup`.

use clap::Args;

/// Remove containers that nobody uses any more, and images.
///
/// Containers that a living process uses stay. Images stay without --images. Control groups of local sandboxes whose
/// process was killed go without a question, unless the backend is docker. With the backend local nothing else goes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CleanupArgs {
    /// Do not ask
    #[arg(long)]
    pub(crate) force: bool,
    /// Remove the images of isol8, too
    #[arg(long)]
    pub(crate) images: bool,
    /// Print as JSON what there is. Without --force nothing is removed and nothing asked
    #[arg(long)]
    pub(crate) json: bool,
}

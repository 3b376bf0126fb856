//! Arguments of `list-custom`.

use clap::Args;

/// List the custom images.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ListCustomArgs {
    /// Print the list as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

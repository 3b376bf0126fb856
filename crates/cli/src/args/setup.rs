//! Arguments of `setup`.

use clap::Args;

use super::BackendArgs;

/// Set up the runtimes: their images, or what local sandboxes need of them.
///
/// With Docker: checks that it answers, builds the base image of each runtime, and then the images that the
/// configuration names. Images that are current are left alone.
///
/// With the local backend: checks this machine, and installs Node.js, Bun and Deno into the cache directory of this
/// user, where this machine has none or one that is older than the pinned version. Installs the agent there as well.
/// Nothing needs root.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Set up only these runtimes [default: all]
    #[arg(long, value_name = "RUNTIMES", num_args = 1.., value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Packages of pip to build into an image
    #[arg(long, value_name = "PACKAGES", value_delimiter = ',')]
    pub(crate) python: Vec<String>,
    /// Packages of npm to build into an image
    #[arg(long, value_name = "PACKAGES", value_delimiter = ',')]
    pub(crate) node: Vec<String>,
    /// Packages of Bun to build into an image
    #[arg(long, value_name = "PACKAGES", value_delimiter = ',')]
    pub(crate) bun: Vec<String>,
    /// Modules of Deno to build into an image
    #[arg(long, value_name = "MODULES", value_delimiter = ',')]
    pub(crate) deno: Vec<String>,
    /// Packages of Debian to build into an image for Bash
    #[arg(long, value_name = "PACKAGES", value_delimiter = ',')]
    pub(crate) bash: Vec<String>,
    /// Build images and install runtimes that are current, too
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the images as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

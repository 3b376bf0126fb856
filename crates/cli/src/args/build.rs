//! Arguments of `build`.

use clap::Args;

/// Build a custom image.
///
/// A custom image is a runtime with packages, or with a script that runs before each program. A run with
/// --install finds the image by its packages. --image names it.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Runtime to start from: python, node, bun, deno, bash or agent
    #[arg(long, value_name = "RUNTIME")]
    pub(crate) base: String,
    /// Packages to build in (repeatable; with commas or spaces)
    #[arg(long, value_name = "PACKAGE", num_args = 1.., value_delimiter = ',')]
    pub(crate) install: Vec<String>,
    /// Script that runs before each program, or the file with it (repeatable)
    #[arg(long, value_name = "COMMAND|FILE", allow_hyphen_values = true)]
    pub(crate) setup: Vec<String>,
    /// Name of the image [default: isol8:<runtime>-custom-<hash>]
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Option<String>,
    /// Build the image also when it is current
    #[arg(long)]
    pub(crate) force: bool,
}

//! Arguments of `config`.

use clap::Args;

/// Shows the configuration that is in effect, and the file that it comes from.
///
/// The configuration is `isol8.config.json` in the working directory, else `~/.isol8/config.json`, over the
/// defaults.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ConfigArgs {
    /// Print the configuration as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

//! Arguments of `config`.

use clap::Args;

/// Show the configuration that is in effect.
///
/// The configuration is `isol8.config.json` in the working directory, else `~/.isol8/config.json`, over the
/// defaults. The file that it comes from is shown, too.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ConfigArgs {
    /// Print the configuration as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

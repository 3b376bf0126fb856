//! The commands, and what goes with each of them.

use clap::{Args, Parser, Subcommand};

use super::{
    BuildArgs, CleanupArgs, CompletionArgs, ConfigArgs, DoctorArgs, ListCustomArgs, ManArgs,
    RunArgs, ServeArgs, SetupArgs,
};

/// Run untrusted code in sandboxes.
#[derive(Debug, Parser)]
#[command(
    name = "isol8",
    // Whatever the file is called that was started.
    bin_name = "isol8",
    version,
    arg_required_else_help = false,
    max_term_width = 100,
    propagate_version = false
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// Without one the help is printed.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What goes with every command.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct GlobalArgs {
    /// Explain each step on standard error
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// Print no progress and no confirmations, only results, warnings and errors
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check Docker and build the images of the runtimes
    Setup(SetupArgs),
    /// Build a custom image
    Build(BuildArgs),
    /// List the custom images
    ListCustom(ListCustomArgs),
    /// Run code in a sandbox
    Run(Box<RunArgs>),
    /// Serve the engine over HTTP
    Serve(ServeArgs),
    /// Show the configuration that is in effect
    Config(ConfigArgs),
    /// Remove containers that nobody uses any more, and images
    Cleanup(CleanupArgs),
    /// Check what isol8 needs on this machine
    Doctor(DoctorArgs),
    /// Print a script that completes words in a shell
    Completion(CompletionArgs),
    /// Print the manual page
    Man(ManArgs),
}

//! The commands, and what goes with each of them.

use clap::{Args, Parser, Subcommand};

use super::{
    BuildArgs, CleanupArgs, CompletionArgs, ConfigArgs, DoctorArgs, ListCustomArgs, LoginArgs,
    LogoutArgs, ManArgs, ReplArgs, RunArgs, ServeArgs, SessionArgs, SetupArgs,
};

/// What a stranger can type next. A test runs the programs.
const EXAMPLES: &str = "\
Examples:
  isol8 doctor                        Check this machine, before the first run
  isol8 run -e 'print(6 * 7)'         Run Python, without network and with limits
  isol8 run script.ts --files data    Run a file, with the files of a folder beside it
  isol8 help run                      All about a command";

/// Where the flags of every command stand in its help: after its own, before those for help and version.
const LAST: usize = 900;

/// Run untrusted code in sandboxes.
#[derive(Debug, Parser)]
#[command(
    name = "isol8",
    // Whatever the file is called that was started.
    bin_name = "isol8",
    version,
    arg_required_else_help = false,
    after_help = EXAMPLES,
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

/// Serve the engine over HTTP. Another name of isol8 serve.
#[derive(Debug, Parser)]
#[command(
    name = "isol8-server",
    bin_name = "isol8-server",
    version,
    max_term_width = 100
)]
pub(crate) struct ServerProgram {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Explain each step on standard error
    #[arg(long)]
    pub(crate) debug: bool,
}

/// What goes with every command.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct GlobalArgs {
    /// Explain each step on standard error
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) debug: bool,
    /// Print no progress and no confirmations, only results, warnings and errors
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) quiet: bool,
}

/// The commands. The help of each is the documentation of its arguments. A comment on a variant here would replace
/// it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Setup(SetupArgs),
    Build(BuildArgs),
    ListCustom(ListCustomArgs),
    Run(Box<RunArgs>),
    Repl(Box<ReplArgs>),
    Serve(ServeArgs),
    Login(LoginArgs),
    Logout(LogoutArgs),
    Session(SessionArgs),
    Config(ConfigArgs),
    Cleanup(CleanupArgs),
    Doctor(DoctorArgs),
    Completion(CompletionArgs),
    Man(ManArgs),
}

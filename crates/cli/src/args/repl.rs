//! Arguments of `repl`.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use isol8_api::runtimes::LANGUAGES;

use super::SandboxArgs;

/// Type code at a prompt and run it in a session.
///
/// Variables, functions and files live on until the end. Ctrl-C ends what runs, Ctrl-D ends the session. In
/// Python the values of expressions are shown. Programs have no input. :help lists the commands.
///
/// Other users of this machine can see its command lines, with the values of --secret and --env in them.
#[derive(Debug, Args)]
pub(crate) struct ReplArgs {
    /// Language to type
    #[arg(short, long, value_name = "RUNTIME", default_value = "python",
        value_parser = PossibleValuesParser::new(LANGUAGES).map(|name| name.clone()))]
    pub(crate) runtime: String,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

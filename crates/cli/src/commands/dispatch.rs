//! From a parsed command line to the command.

use clap::CommandFactory as _;

use super::{config, run};
use crate::{
    args::{Cli, Command},
    failure::{Exit, Failure},
    output::{Console, print},
    settings::configuration,
};

/// Runs the command of `cli`. Without one, the help is what it prints.
pub(crate) async fn dispatch(cli: Cli, console: Console) -> Result<Exit, Failure> {
    let Some(command) = cli.command else {
        return print(Cli::command().render_help().to_string().trim_end());
    };
    let loaded = configuration(console)?;
    let debug = cli.global.debug || loaded.config.debug;
    isol8_debug_log::set_enabled(debug);
    isol8_debug_log::listen();
    match command {
        Command::Run(args) => run::run(*args, &loaded.config, debug, console).await,
        Command::Config(args) => config::run(args, &loaded),
    }
}

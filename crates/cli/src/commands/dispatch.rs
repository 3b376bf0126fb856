//! From a parsed command line to the command.

use clap::CommandFactory as _;
use isol8_api::config::LoadedConfig;

use super::{
    build, cleanup, completion, config, doctor, list_custom, login, repl, run, serve, session,
    setup,
};
use crate::{
    args::{Cli, Command, GlobalArgs},
    failure::{Exit, Failure},
    output::{Console, print},
    settings::configuration,
    signals::unless_signalled,
};

/// Runs the command of `cli`. Without one, the help is what it prints.
pub(crate) async fn dispatch(cli: Cli, console: Console) -> Result<Exit, Failure> {
    let Some(command) = cli.command else {
        return print(Cli::command().render_help().to_string().trim_end());
    };
    let prepared = || prepare(cli.global, console);
    match command {
        // What a shell prints when it starts has nothing to do with the folder that it starts in.
        Command::Completion(args) => completion::run(args),
        Command::Man(args) => completion::manual(&args),
        // It helps also where the configuration cannot be read.
        Command::Doctor(args) => {
            isol8_debug_log::set_enabled(cli.global.debug);
            unless_signalled(doctor::run(args)).await
        }
        Command::Setup(args) => {
            let Prepared { loaded, .. } = prepared()?;
            unless_signalled(setup::run(&args, &loaded.config, console)).await
        }
        Command::Build(args) => {
            prepared()?;
            unless_signalled(build::run(&args, console)).await
        }
        Command::ListCustom(args) => {
            prepared()?;
            unless_signalled(list_custom::run(args)).await
        }
        Command::Run(args) => {
            let Prepared { loaded, debug } = prepared()?;
            run::run(*args, &loaded.config, debug, console).await
        }
        Command::Repl(args) => {
            let Prepared { loaded, debug } = prepared()?;
            repl::run(*args, &loaded.config, debug, console).await
        }
        Command::Serve(args) => {
            let Prepared { loaded, debug } = prepared()?;
            serve::run(args, &loaded.config, debug, console).await
        }
        Command::Login(args) => {
            prepared()?;
            unless_signalled(login::login(args, console)).await
        }
        Command::Logout(_) => login::logout(),
        Command::Session(args) => {
            prepared()?;
            unless_signalled(session::run(args, console)).await
        }
        Command::Config(args) => config::run(args, &prepared()?.loaded),
        Command::Cleanup(args) => {
            let Prepared { loaded, .. } = prepared()?;
            unless_signalled(cleanup::run(args, &loaded.config, console)).await
        }
    }
}

/// What most commands begin with.
struct Prepared {
    loaded: LoadedConfig,
    debug: bool,
}

/// Reads the configuration and begins the debug log where that is wanted.
fn prepare(global: GlobalArgs, console: Console) -> Result<Prepared, Failure> {
    let loaded = configuration(console)?;
    let debug = global.debug || loaded.config.debug;
    isol8_debug_log::set_enabled(debug);
    isol8_debug_log::listen();
    Ok(Prepared { loaded, debug })
}

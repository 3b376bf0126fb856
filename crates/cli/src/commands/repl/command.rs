//! The course of `repl`: prompt, run, show, again.

use std::{
    cell::Cell,
    io::{IsTerminal as _, stdin},
    time::Duration,
};

use isol8_api::config::Config;

use super::{
    input::{HELP, Input},
    line::Typed,
    prompt::Prompt,
    session::Session,
};
use crate::{
    args::ReplArgs,
    failure::{Exit, Failure},
    output::Console,
    sandboxes::Sandboxes,
    settings::{BackendSettings, ReplSettings, variable},
    signals::Signals,
};

/// Executions at a time: there is one session.
const AT_ONCE: usize = 1;

/// How long the end of the sandbox may delay the end of the command.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Runs what is typed, until the end of the input.
pub(crate) async fn run(
    args: ReplArgs,
    config: &Config,
    debug: bool,
    console: Console,
) -> Result<Exit, Failure> {
    let backend = BackendSettings::resolve(&args.sandbox.backend, config, variable)?;
    let settings = ReplSettings::resolve(args, config, debug)?;
    let mut signals = Signals::listen()?;
    let place = Sandboxes::new(backend)?.announcing(console);
    let engine = place.engine(settings.options.clone(), AT_ONCE)?;
    let session = Session {
        engine: &engine,
        settings: &settings,
        console,
        inputs: Cell::new(0),
    };
    let exit = converse(&session, &mut signals).await;
    tokio::select! {
        _ = tokio::time::timeout(STOP_LIMIT, engine.stop()) => {}
        _ = signals.next() => {}
    }
    exit
}

async fn converse(session: &Session<'_>, signals: &mut Signals) -> Result<Exit, Failure> {
    let console = session.console;
    if let Some(exit) = session.begin(signals).await? {
        return Ok(exit);
    }
    let runtime = &session.settings.request.runtime;
    if stdin().is_terminal() {
        console.info(&format!(
            "A session of {runtime}. :help lists the commands, Ctrl-D ends it."
        ));
    }
    let opened = Prompt::open(runtime);
    let mut prompt = opened.map_err(|cause| Failure::input_output("Cannot read inputs", cause))?;
    loop {
        let typed = tokio::select! {
            biased;
            number = signals.next() => return Ok(Exit::Signal(number)),
            typed = prompt.next() => typed,
        };
        let text = match typed {
            Typed::Text(text) => text,
            Typed::Interrupted => continue,
            Typed::End => return Ok(Exit::Success),
            Typed::Failed(cause) => return Err(Failure::input_output("Cannot read inputs", cause)),
        };
        let done = match Input::of(&text) {
            Err(wrong) => Err(Failure::Usage(wrong)),
            Ok(Input::Empty) => Ok(None),
            Ok(Input::Quit) => return Ok(Exit::Success),
            Ok(Input::Help) => {
                console.result(HELP);
                Ok(None)
            }
            Ok(Input::Put { local, path }) => session.put(&local, &path).await.map(|()| None),
            Ok(Input::Get { path, local }) => session.get(&path, &local).await.map(|()| None),
            Ok(Input::Code(code)) => session.run(&code, signals).await,
        };
        match done {
            Ok(None) => {}
            Ok(Some(exit)) => return Ok(exit),
            // The session goes on: the next input may be right.
            Err(failure) => console.error(&failure.to_string()),
        }
    }
}

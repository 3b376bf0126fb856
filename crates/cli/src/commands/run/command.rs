//! The course of `run`: prepare, execute, stop.

use isol8_api::config::Config;

use super::{
    course::Course,
    executor::{Executor, Remote},
    once::once,
    outputs,
    prepare::prepare,
    tee::Tee,
    watch,
};
use crate::{
    args::RunArgs,
    failure::{Exit, Failure},
    output::Console,
    sandboxes::Sandboxes,
    settings::{BackendSettings, RunSettings, variable},
    signals::Signals,
};

/// Executions at a time: there is one program.
const AT_ONCE: usize = 1;

/// Runs a program. Ends with its exit code.
pub(crate) async fn run(
    args: RunArgs,
    config: &Config,
    debug: bool,
    console: Console,
) -> Result<Exit, Failure> {
    let chosen = args.sandbox.backend.clone();
    let backend = BackendSettings::resolve(&chosen, config, variable)?;
    let settings = RunSettings::resolve(args, config, debug, console)?;
    if settings.remote.is_some() && chosen.is_given() {
        let text =
            "--backend and --limits are about sandboxes of this machine. A server has its own.";
        return Err(Failure::Usage(text.to_owned()));
    }
    outputs::check(&settings.outputs, settings.force)?;
    let tee = Tee::open(settings.out.clone())?;
    let mut signals = Signals::listen()?;
    let submission = tokio::select! {
        prepared = prepare(&settings, None, console) => prepared?,
        number = signals.next() => return Ok(Exit::Signal(number)),
    };
    let executor = executor(&settings, backend, console)?;
    let course = Course {
        settings: &settings,
        executor: &executor,
        console,
    };
    let exit = if settings.watch {
        watch::run(&course, submission, tee, &mut signals).await
    } else {
        once(&course, submission, tee, &mut signals).await
    };
    stop(&executor, &mut signals).await;
    exit
}

/// Who runs the programs. A session's id is shown, so that it can be used again.
fn executor(
    settings: &RunSettings,
    backend: BackendSettings,
    console: Console,
) -> Result<Executor, Failure> {
    let Some(run) = &settings.remote else {
        let place = Sandboxes::new(backend)?.announcing(console);
        let engine = place.engine(settings.options.clone(), AT_ONCE)?;
        return Ok(Executor::Local(engine));
    };
    let remote = Remote::new(run)?;
    if let Some(id) = &run.session_id {
        console.note(&format!("[Run] Session ID: {id}"));
    }
    Ok(Executor::Remote(Box::new(remote)))
}

/// Ends the sandboxes. A further signal ends the waiting: they end with this process.
async fn stop(executor: &Executor, signals: &mut Signals) {
    tokio::select! {
        () = executor.stop() => {}
        _ = signals.next() => {}
    }
}

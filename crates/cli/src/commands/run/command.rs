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
    settings::RunSettings,
    signals::Signals,
};

/// Runs a program. Ends with its exit code.
pub(crate) async fn run(
    args: RunArgs,
    config: &Config,
    debug: bool,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = RunSettings::resolve(args, config, debug, console)?;
    outputs::check(&settings.outputs, settings.force)?;
    let tee = Tee::open(settings.out.clone())?;
    let mut signals = Signals::listen()?;
    let request = tokio::select! {
        request = prepare(&settings, None, console) => request?,
        number = signals.next() => return Ok(Exit::Signal(number)),
    };
    let executor = executor(&settings, console)?;
    let course = Course {
        settings: &settings,
        executor: &executor,
        console,
    };
    let exit = if settings.watch {
        watch::run(&course, request, tee, &mut signals).await
    } else {
        once(&course, request, tee, &mut signals).await
    };
    stop(&executor, &mut signals).await;
    exit
}

/// Who runs the programs. A session's id is shown, so that it can be used again.
fn executor(settings: &RunSettings, console: Console) -> Result<Executor, Failure> {
    let Some(run) = &settings.remote else {
        let engine = Sandboxes::new()?.engine(settings.options.clone(), console)?;
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

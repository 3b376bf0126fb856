//! The course of `run`: prepare, execute, stop.

use std::time::Duration;

use isol8_api::config::Config;
use isol8_engine::Engine;

use super::{course::Course, once::once, outputs, prepare::prepare, tee::Tee, watch};
use crate::{
    args::RunArgs,
    failure::{Exit, Failure},
    output::Console,
    sandboxes::Sandboxes,
    settings::RunSettings,
    signals::Signals,
};

/// How long the end of the sandboxes may delay the end of the command.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Runs a program. Ends with its exit code.
pub(crate) async fn run(
    args: RunArgs,
    config: &Config,
    debug: bool,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = RunSettings::resolve(args, config, debug)?;
    outputs::check(&settings.outputs, settings.force)?;
    let tee = Tee::open(settings.out.clone())?;
    let mut signals = Signals::listen()?;
    let request = tokio::select! {
        request = prepare(&settings, None, console) => request?,
        number = signals.next() => return Ok(Exit::Signal(number)),
    };
    let engine = Sandboxes::new()?.engine(settings.options.clone(), console)?;
    let course = Course {
        settings: &settings,
        engine: &engine,
        console,
    };
    let exit = if settings.watch {
        watch::run(&course, request, tee, &mut signals).await
    } else {
        once(&course, request, tee, &mut signals).await
    };
    stop(&engine, &mut signals).await;
    exit
}

/// Ends the sandboxes. A further signal ends the waiting: they end with this process.
async fn stop(engine: &Engine, signals: &mut Signals) {
    tokio::select! {
        _ = tokio::time::timeout(STOP_LIMIT, engine.stop()) => {}
        _ = signals.next() => {}
    }
}

//! A program whose output is shown as it comes.

use isol8_api::event::{EventKind, Phase};
use isol8_engine::Submission;

use super::{
    super::shown::{Shown, closed},
    course::{Course, Ran},
    tee::Tee,
};
use crate::{
    failure::{Exit, Failure},
    signals::Signals,
};

/// Runs a request.
pub(super) async fn run(
    course: &Course<'_>,
    submission: Submission,
    tee: &mut Tee,
    signals: &mut Signals,
) -> Result<Ran, Failure> {
    let mut events = course.executor.stream(submission, &course.settings.input)?;
    let mut exit = Exit::Failed;
    let shown = Shown::new(course.settings.json, course.console);
    loop {
        let event = tokio::select! {
            biased;
            number = signals.next() => {
                events.cancel();
                return Ok(Ran::ended(Exit::Signal(number)));
            }
            event = events.next() => event?,
        };
        let Some(event) = event else { break };
        // After a setup phase that succeeds the program follows.
        if event.kind == EventKind::Exit && (event.phase != Some(Phase::Setup) || event.data != "0")
        {
            exit = Exit::Program(event.data.parse().unwrap_or(1));
        }
        if event.kind == EventKind::Stdout {
            tee.add(&event.data);
        }
        let showing = tokio::select! {
            biased;
            number = signals.next() => {
                events.cancel();
                return Ok(Ran::ended(Exit::Signal(number)));
            }
            showing = shown.event(&event) => showing,
        };
        if let Some(ended) = closed(showing)? {
            events.cancel();
            return Ok(Ran::ended(ended));
        }
    }
    let Some(result) = events.take_result()? else {
        if exit != Exit::Failed && !course.settings.outputs.is_empty() {
            return Err(Failure::NoResult);
        }
        return Ok(Ran::ended(exit));
    };
    if let Some(ended) = closed(shown.result(&result).await)? {
        return Ok(Ran::ended(ended));
    }
    Ok(Ran {
        exit,
        files: result.files,
    })
}

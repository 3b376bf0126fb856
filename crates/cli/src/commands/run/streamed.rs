//! A program whose output is shown as it comes.

use isol8_api::{event::EventKind, request::ExecutionRequest};
use isol8_engine::Submission;

use super::{
    super::shown::{Shown, closed},
    course::{Course, Ran},
    live,
    tee::Tee,
};
use crate::{
    failure::{Exit, Failure},
    settings::Input,
    signals::Signals,
};

/// Runs a request.
pub(super) async fn run(
    course: &Course<'_>,
    request: ExecutionRequest,
    tee: &mut Tee,
    signals: &mut Signals,
) -> Result<Ran, Failure> {
    let mut events = course
        .engine
        .stream(submission(request, &course.settings.input));
    let mut exit = Exit::Failed;
    let shown = Shown::new(course.settings.json, course.console);
    loop {
        let event = tokio::select! {
            biased;
            number = signals.next() => {
                events.canceller().cancel();
                return Ok(Ran::ended(Exit::Signal(number)));
            }
            event = events.recv() => event,
        };
        let Some(event) = event else { break };
        if event.kind == EventKind::Exit {
            exit = Exit::Program(event.data.parse().unwrap_or(1));
        }
        if event.kind == EventKind::Stdout {
            tee.add(&event.data);
        }
        let showing = tokio::select! {
            biased;
            number = signals.next() => {
                events.canceller().cancel();
                return Ok(Ran::ended(Exit::Signal(number)));
            }
            showing = shown.event(&event) => showing,
        };
        if let Some(ended) = closed(showing)? {
            events.canceller().cancel();
            return Ok(Ran::ended(ended));
        }
    }
    if let Some(refusal) = events.take_refusal() {
        return Err(refusal.into());
    }
    let Some(result) = events.take_result() else {
        return Ok(Ran::ended(without_result(exit)));
    };
    if let Some(ended) = closed(shown.result(&result).await)? {
        return Ok(Ran::ended(ended));
    }
    Ok(Ran {
        exit,
        files: result.files,
    })
}

/// How an execution ends that has no result: it failed, also where the last exit is that of a setup script that
/// succeeded.
fn without_result(last: Exit) -> Exit {
    match last {
        Exit::Program(0) => Exit::Failed,
        other => other,
    }
}

/// The request, with this command's standard input where the program is to have that.
fn submission(request: ExecutionRequest, input: &Input) -> Submission {
    let mut submission = Submission::from(request);
    if *input == Input::Live {
        submission.live = Some(live::standard_input());
    }
    submission
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_breaks_after_its_setup_is_no_success() {
        assert_eq!(without_result(Exit::Program(0)), Exit::Failed);
        assert_eq!(without_result(Exit::Program(7)), Exit::Program(7));
        assert_eq!(without_result(Exit::Failed), Exit::Failed);
    }
}

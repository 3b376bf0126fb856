//! A program whose output is shown as it comes.

use std::io;

use isol8_api::{
    event::{EventKind, StreamEvent},
    request::ExecutionRequest,
    result::ExecutionResult,
};
use isol8_engine::Submission;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use super::{
    collected::{show_network_log, warn_of_truncation},
    course::{Course, Ran},
    live,
    tee::Tee,
};
use crate::{
    failure::{Exit, Failure},
    output::Console,
    settings::Input,
    signals::Signals,
};

/// The last line of a stream in JSON.
#[derive(Serialize)]
struct ResultLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    result: &'a ExecutionResult,
}

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
    let shown = Shown {
        json: course.settings.json,
        console: course.console,
    };
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

/// How output ends whose reader has gone away.
fn closed(written: io::Result<()>) -> Result<Option<Exit>, Failure> {
    match written {
        Ok(()) => Ok(None),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(Some(Exit::BrokenPipe)),
        Err(cause) => Err(Failure::input_output("Cannot write the output", cause)),
    }
}

/// How events are shown.
#[derive(Clone, Copy)]
struct Shown {
    json: bool,
    console: Console,
}

impl Shown {
    async fn event(self, event: &StreamEvent) -> io::Result<()> {
        if self.json {
            return line(event).await;
        }
        match event.kind {
            EventKind::Stdout => write(&mut tokio::io::stdout(), &event.data).await,
            EventKind::Stderr => write(&mut tokio::io::stderr(), &event.data).await,
            EventKind::Error => {
                self.console.error(&event.data);
                Ok(())
            }
            EventKind::Exit => Ok(()),
        }
    }

    async fn result(self, result: &ExecutionResult) -> io::Result<()> {
        if self.json {
            return line(&ResultLine {
                kind: "result",
                result,
            })
            .await;
        }
        warn_of_truncation(result, self.console);
        show_network_log(result, self.console);
        Ok(())
    }
}

async fn line(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    write(&mut tokio::io::stdout(), &text).await
}

async fn write(to: &mut (impl tokio::io::AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes()).await?;
    to.flush().await
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

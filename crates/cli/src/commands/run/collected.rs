//! A program whose output is shown at its end.

use isol8_api::result::ExecutionResult;
use isol8_engine::Submission;
use tokio_util::sync::CancellationToken;

use super::{
    super::shown::{show_network_log, warn_of_truncation},
    course::{Course, Ran},
    tee::Tee,
};
use crate::{
    failure::{Exit, Failure},
    output::{Console, print},
    signals::Signals,
};

/// Runs a request.
pub(super) async fn run(
    course: &Course<'_>,
    submission: Submission,
    tee: &mut Tee,
    signals: &mut Signals,
) -> Result<Ran, Failure> {
    let cancel = CancellationToken::new();
    let result = tokio::select! {
        biased;
        number = signals.next() => {
            cancel.cancel();
            return Ok(Ran::ended(Exit::Signal(number)));
        }
        result = course.executor.execute(submission, cancel.clone()) => result?,
    };
    tee.add(&result.stdout);
    let printed = if course.settings.json {
        let json = serde_json::to_string(&result);
        print(&json.map_err(|error| Failure::Usage(error.to_string()))?)?
    } else {
        show(&result, course.console)?
    };
    if printed == Exit::BrokenPipe {
        return Ok(Ran::ended(printed));
    }
    Ok(Ran {
        exit: Exit::Program(result.exit_code),
        files: result.files,
    })
}

fn show(result: &ExecutionResult, console: Console) -> Result<Exit, Failure> {
    let printed = if result.stdout.is_empty() {
        Exit::Success
    } else {
        print(&result.stdout)?
    };
    if !result.stderr.is_empty() {
        console.result(&result.stderr);
    }
    warn_of_truncation(result, console);
    show_network_log(result, console);
    Ok(printed)
}

//! Runs a program again whenever its file changes.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use isol8_engine::Submission;

use super::{course::Course, once::once, prepare::prepare, tee::Tee};
use crate::{
    failure::{Exit, Failure},
    settings::ProgramSource,
    signals::Signals,
};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Differs between two states of a file; none while the file is missing.
type Stamp = Option<(SystemTime, u64)>;

/// Runs `submission`, and again at each change, until a signal ends it.
pub(super) async fn run(
    course: &Course<'_>,
    submission: Submission,
    tee: Tee,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let ProgramSource::File(file) = &course.settings.source else {
        return once(course, submission, tee, signals).await;
    };
    // Standard input can be read once only.
    let stdin = submission.request.stdin.clone();
    let mut seen = stamp(file);
    let mut next: Result<_, Failure> = Ok(submission);
    loop {
        match next {
            Ok(submission) => {
                let ran = tokio::select! {
                    ran = once(course, submission, tee.clone(), signals) => Some(ran),
                    // Dropping the run ends its program.
                    () = changed(file, seen) => None,
                };
                match ran {
                    Some(Ok(exit @ (Exit::Signal(_) | Exit::BrokenPipe))) => return Ok(exit),
                    Some(Ok(exit)) => {
                        let code = exit.code();
                        course
                            .console
                            .info(&format!("Ended with exit code {code}."));
                    }
                    Some(Err(failure)) => course.console.error(&failure.to_string()),
                    None => {}
                }
            }
            Err(failure) => course.console.error(&failure.to_string()),
        }
        let name = file.display();
        course
            .console
            .info(&format!("Waiting for a change of {name}. Ctrl-C ends it."));
        tokio::select! {
            () = changed(file, seen) => {}
            number = signals.next() => return Ok(Exit::Signal(number)),
        }
        // Before the file is read, so that a change while it is read counts.
        seen = stamp(file);
        next = prepare(course.settings, stdin.clone(), course.console).await;
    }
}

/// Waits until the file is there and not as it was.
async fn changed(file: &Path, seen: Stamp) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = stamp(file);
        if now.is_some() && now != seen {
            return;
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    let facts = fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

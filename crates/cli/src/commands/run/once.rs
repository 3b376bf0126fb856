//! One execution of a program, and what it leaves.

use isol8_engine::Submission;

use super::{collected, course::Course, outputs, streamed, tee::Tee};
use crate::{
    failure::{Exit, Failure},
    signals::Signals,
};

/// Runs the program once, and writes what it has left.
///
/// Dropping the future ends the program.
pub(super) async fn once(
    course: &Course<'_>,
    submission: Submission,
    mut tee: Tee,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let ran = if course.settings.stream {
        streamed::run(course, submission, &mut tee, signals).await
    } else {
        collected::run(course, submission, &mut tee, signals).await
    };
    // What there is of the output is written whatever became of the program.
    let written = tee.write(course.console);
    let ran = ran?;
    written?;
    if let Some(files) = &ran.files {
        outputs::write(&course.settings.outputs, files, course.settings.force)?;
    }
    Ok(ran.exit)
}

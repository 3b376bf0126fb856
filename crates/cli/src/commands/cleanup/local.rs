//! What killed processes have left of local sandboxes.

use std::fmt::Write as _;

use isol8_assembly::Place;
use isol8_backend::{Backend as _, CleanupReport};

use crate::{
    failure::{Exit, Failure},
    output::{Console, print},
};

/// Removes the control groups of killed processes. Nothing of a user is in them, so nobody is asked. It is the command's
/// result when it is `alone`; standard output is that of Docker's otherwise.
pub(super) async fn clean_up_local(
    place: &Place,
    alone: bool,
    console: Console,
) -> Result<Exit, Failure> {
    let report = place.local_backend().clean_up().await?;
    match summary(&report, alone) {
        Some(text) if alone => {
            print(&text)?;
        }
        Some(text) => console.result(&text),
        None => {}
    }
    for error in &report.errors {
        console.result(&format!("  Failed to remove {error}"));
    }
    Ok(if report.failed > 0 {
        Exit::Failed
    } else {
        Exit::Success
    })
}

/// The summary of a report. Where there was nothing to remove, there is one only with `nothing`.
fn summary(report: &CleanupReport, nothing: bool) -> Option<String> {
    let CleanupReport {
        removed, failed, ..
    } = report;
    if removed + failed == 0 {
        return nothing.then(|| "No remains of local sandboxes found".to_owned());
    }
    let mut text = format!("Removed the control groups of {removed} killed local process(es)");
    if *failed > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {failed} failed");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_the_processes_that_were_killed() {
        let report = |removed, failed| CleanupReport {
            removed,
            failed,
            errors: Vec::new(),
        };
        assert_eq!(summary(&report(0, 0), false), None);
        for (report, text) in [
            (report(0, 0), "No remains of local sandboxes found"),
            (
                report(2, 0),
                "Removed the control groups of 2 killed local process(es)",
            ),
            (
                report(0, 1),
                "Removed the control groups of 0 killed local process(es), 1 failed",
            ),
        ] {
            assert_eq!(summary(&report, true).as_deref(), Some(text));
        }
    }
}

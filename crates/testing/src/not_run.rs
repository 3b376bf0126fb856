//! Tests that cannot run on this machine.

use std::{
    fmt::Display,
    io::{Write as _, stderr},
    panic::Location,
};

/// Says that the calling test does not run on this machine, and `why`. The test returns after it.
///
/// Rust's test runner would count it as passed. So the line goes to standard error itself, which the
/// runner does not capture, and `npm test` counts the lines that begin with `not run: `.
#[track_caller]
pub fn not_run(why: impl Display) {
    let place = Location::caller();
    // A closed standard error is no reason to fail.
    let _ = writeln!(
        stderr(),
        "not run: {}:{}: {why}",
        place.file(),
        place.line()
    );
}

//! Tests that another test runs once more, in surroundings that it makes for them: another user, a container, a home.
//! In an ordinary run they are ignored.

use std::{
    io::{Write as _, stderr},
    process::Output,
};

/// Asserts that a test program ran exactly `tests` tests, and that all of them passed.
///
/// # Panics
///
/// When that is not so, with the output of the program.
#[track_caller]
pub fn assert_passed(output: &Output, tests: usize) {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
    let counted = format!("test result: ok. {tests} passed;");
    assert!(stdout.contains(&counted), "{stdout}{stderr}");
}

/// Asserts that a test program ran the ignored test `name` alone, and that it passed.
///
/// # Panics
///
/// When that is not so, with the output of the program.
#[track_caller]
pub fn assert_ran(output: &Output, name: &str) {
    assert_passed(output, 1);
    ran_elsewhere(name);
}

/// Reports that the ignored test `name` ran. The line goes to standard error itself, which the runner does not capture.
/// `npm test` counts each name once.
pub fn ran_elsewhere(name: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(stderr(), "ran elsewhere: {name}");
}

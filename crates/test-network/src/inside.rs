//! Running tests of a test program in a network namespace of their own.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _, stderr},
    process::{Command, Stdio},
};

use isol8_testing::not_run;

/// Set on a machine that has no namespaces. Without it their absence is a failure.
const SKIP: &str = "ISOL8_SKIP_NAMESPACES";

/// Chooses among the tests inside: a part of their names, after the name of the module.
const FILTER: &str = "ISOL8_INSIDE_FILTER";

/// Runs the ignored tests of `module` in this test program, one at a time, in a new network namespace.
/// `ISOL8_INSIDE_FILTER` chooses among them.
///
/// # Panics
///
/// When one of the tests fails, when there is none, or when there can be no namespace and
/// `ISOL8_SKIP_NAMESPACES` does not say so.
#[track_caller]
pub fn run_inside(module: &str) {
    let filter = format!("{module}::{}", env::var(FILTER).unwrap_or_default());
    run(&["--map-root-user", "--net"], &filter, &[]);
}

/// The same for tests that make users, which only root can: the ignored tests whose names contain `filter`, with these
/// environment variables on top. The user namespace stays the machine's.
///
/// # Panics
///
/// As [`run_inside`].
#[track_caller]
pub fn run_inside_as_root(filter: &str, variables: &[(&str, &str)]) {
    run(&["--net"], filter, variables);
}

#[track_caller]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
#[expect(clippy::print_stdout, reason = "a test's output")]
fn run(namespaces: &[&str], filter: &str, variables: &[(&str, &str)]) {
    if env::var_os(SKIP).is_some() {
        not_run(format_args!(
            "{SKIP} is set, and with it no test of {filter}"
        ));
        return;
    }
    let mut process = Command::new("unshare")
        .args(namespaces)
        .arg(env::current_exe().expect("the path of the test program"))
        .args(["--ignored", "--test-threads=1", "--nocapture", filter])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare (util-linux) can be run");
    let mut passed = 0;
    for line in BufReader::new(process.stdout.take().expect("piped")).lines() {
        let line = line.expect("text");
        println!("{line}");
        passed += passed_tests(&line).unwrap_or(0);
    }
    let status = process.wait().expect("it was started");
    assert!(
        status.success(),
        "{status}; without root or user namespaces, set {SKIP}=1"
    );
    assert!(passed > 0, "no test has a name with {filter}");
    // Not captured, so that `npm test` can count the tests, which are ignored outside.
    let _ = writeln!(
        stderr(),
        "in a network namespace: {passed} tests of {filter}"
    );
}

/// How many tests a line of the test runner says have passed.
fn passed_tests(line: &str) -> Option<usize> {
    let (_, counts) = line.split_once("test result: ")?;
    let (before, _) = counts.split_once(" passed")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::passed_tests;

    #[test]
    fn passed_tests_are_counted_from_the_last_line_of_the_runner() {
        let line = "test result: ok. 23 passed; 0 failed; 0 ignored; 0 measured; 61 filtered out";
        assert_eq!(passed_tests(line), Some(23));
        assert_eq!(passed_tests("test netns::dialling ... ok"), None);
        assert_eq!(passed_tests("running 0 tests"), None);
    }
}

//! Tests of Docker's sandboxes that hold on local ones, with the same assertions.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::common::BACKEND;

/// Runs the tests with these names once more, with engines of local sandboxes and these variables of the environment.
pub(super) fn run_on_local(names: &[&str], variables: &[(&str, &str)]) {
    let output = Command::new("timeout")
        .args(["-s", "KILL", "600"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads=2"])
        .args(names)
        .env(BACKEND, "local")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    isol8_testing::assert_passed(&output, names.len());
}

#[test]
fn sessions_keep_what_programs_leave() {
    run_on_local(
        &[
            "sessions::bash::bash_keeps_what_a_program_leaves",
            "sessions::python::python_keeps_what_a_program_leaves",
            "sessions::python::python_threads_processes_and_forks_finish_within_their_call",
        ],
        &[],
    );
}

#[test]
fn a_package_is_installed_for_a_program() {
    if !["node", "npm"]
        .iter()
        .all(|name| Path::new("/usr/bin").join(name).exists())
    {
        isol8_testing::not_run("this machine has no /usr/bin/npm");
        return;
    }
    run_on_local(
        &["packages::node_finds_an_installed_package_by_import_and_by_require"],
        &[],
    );
}

#[test]
fn python_computes_with_an_installed_pandas() {
    if std::env::var_os("ISOL8_TEST_LONG").is_none() {
        isol8_testing::not_run("pandas and NumPy are 30 MB; `npm run test:long` installs them");
        return;
    }
    run_on_local(
        &["packages::python_computes_with_installed_numpy_and_pandas"],
        &[],
    );
}

//! Programs in local sandboxes cannot tell that their interpreter was parked, as in Docker's: neither that of this machine,
//! compared with its own plain run, nor an installed one, with all that is asserted of the images'. `npm run test:long`
//! tries the installed ones, and compares Python and Bash of this machine in sessions, too. What sessions of Node.js do is
//! listed for the version of the images alone.

use std::{env, path::Path};

use super::{
    suites::run_on_local,
    support::{INSTALLED, RUNTIMES},
};
use crate::fidelity::{OF_MACHINE, WITHOUT_SESSIONS};

fn is_long() -> bool {
    env::var_os("ISOL8_TEST_LONG").is_some()
}

/// Compares the runs of an interpreter of this machine.
fn of_machine(runtime: &str, program: &str) {
    if !Path::new(program).exists() {
        isol8_testing::not_run(format_args!("this machine has no {program}"));
        return;
    }
    let test = format!("fidelity::{runtime}_programs_cannot_tell");
    let variables = [(OF_MACHINE, "1"), (WITHOUT_SESSIONS, "1")];
    let in_sessions = is_long() && runtime != "node";
    let count = if in_sessions { 1 } else { variables.len() };
    run_on_local(&[&test], &variables[..count]);
}

#[test]
fn python_programs_of_this_machine_cannot_tell() {
    of_machine("python", "/usr/bin/python3");
}

#[test]
fn node_programs_of_this_machine_cannot_tell() {
    of_machine("node", "/usr/bin/node");
}

#[test]
fn bash_programs_of_this_machine_cannot_tell() {
    of_machine("bash", "/usr/bin/bash");
}

/// Compares the runs of an installed interpreter.
fn installed(runtime: &str) {
    if !is_long() {
        isol8_testing::not_run("installed interpreters are tried by `npm run test:long`");
        return;
    }
    assert!(
        Path::new(INSTALLED).join(runtime).exists(),
        "`isol8 setup --backend local` has not installed {runtime} into {INSTALLED}"
    );
    let test = format!("fidelity::{runtime}_programs_cannot_tell");
    run_on_local(&[&test], &[(RUNTIMES, INSTALLED)]);
}

#[test]
fn programs_of_an_installed_node_cannot_tell() {
    installed("node");
}

#[test]
fn programs_of_an_installed_bun_cannot_tell() {
    installed("bun");
}

#[test]
fn programs_of_an_installed_deno_cannot_tell() {
    installed("deno");
}

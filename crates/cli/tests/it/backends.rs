//! The choice of the backend on the command line. `auto` with a daemon is what every other test here has.

use serde_json::Value;

use crate::common::{Ended, User};

/// An address at which no daemon answers.
const NOWHERE: &str = "unix:///nowhere/docker.sock";

/// Runs a command where no Docker daemon answers, with this value of `ISOL8_BACKEND`.
fn without_daemon(user: &User, words: &[&str], backend: &str) -> Ended {
    let mut command = user.command(words);
    command
        .env("DOCKER_HOST", NOWHERE)
        .env("ISOL8_BACKEND", backend);
    command.output().unwrap().into()
}

const RUN: [&str; 4] = ["run", "--runtime", "bash", "--eval"];

fn hello<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN[..], &["echo hello"], more].concat()
}

#[test]
fn without_a_daemon_programs_run_in_local_sandboxes() {
    let user = User::new();
    without_daemon(&user, &hello(&[]), "").is(0, "hello\n", "");
    without_daemon(&user, &hello(&[]), "local").is(0, "hello\n", "");
    let debug = without_daemon(&user, &hello(&["--debug"]), "auto");
    let line = r#" backend backend="local" why="no Docker daemon answers: "#;
    assert!(debug.stderr.contains(line), "{}", debug.stderr);
}

#[test]
fn a_flag_goes_over_the_environment_and_that_over_the_configuration() {
    let user = User::new();
    let unreachable = |ended: Ended| {
        let start = "[ERR] Cannot reach Docker at unix:///nowhere/docker.sock: ";
        assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
        assert_eq!(ended.code, Some(1));
    };
    unreachable(without_daemon(&user, &hello(&[]), "docker"));
    unreachable(without_daemon(
        &user,
        &hello(&["--backend", "docker"]),
        "local",
    ));
    without_daemon(&user, &hello(&["--backend", "local"]), "docker").is(0, "hello\n", "");
    user.write("isol8.config.json", r#"{"backend": "docker"}"#);
    unreachable(without_daemon(&user, &hello(&[]), ""));
    without_daemon(&user, &hello(&[]), "local").is(0, "hello\n", "");
    without_daemon(&user, &hello(&[]), "podman")
        .failed("[ERR] Invalid ISOL8_BACKEND: \"podman\". Expected one of: auto, docker, local.");
}

#[test]
fn what_needs_docker_is_an_error_that_names_the_flag() {
    let user = User::new();
    for (flags, named) in [
        (&["--image", "debian"][..], "The option image "),
        (&["--persist"], "The option persist needs Docker"),
        (
            &["--install", "jq"],
            "installPackages for Bash needs Docker",
        ),
    ] {
        let ended = without_daemon(&user, &hello(flags), "local");
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("--backend docker"),
            "{}",
            ended.stderr
        );
    }
    user.write("isol8.config.json", r#"{"dependencies": {"bash": ["jq"]}}"#);
    let ended = without_daemon(&user, &["setup"], "local");
    assert!(
        ended.stderr.contains("An image with packages"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.code, Some(1));
}

#[test]
fn setup_checks_what_only_this_machine_can_have() {
    let user = User::new();
    let ended = without_daemon(&user, &["setup", "--only", "bash"], "");
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(0), "[DONE] Setup complete!\n")
    );
    for line in [
        "[INFO] Sandboxes are local: no Docker daemon answers: ",
        "[OK] Local sandboxes can run. ",
        "[OK] bash: 5.",
    ] {
        let mut lines = ended.stderr.lines();
        assert!(
            lines.any(|told| told.starts_with(line)),
            "{line} in {}",
            ended.stderr
        );
    }
}

#[test]
fn doctor_judges_by_the_backend_that_is_wanted() {
    let user = User::new();
    let checked = |words: &[&str]| {
        let words = [&["doctor", "--offline", "--json"], words].concat();
        let ended = without_daemon(&user, &words, "");
        let checks: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
        let verdict = |name: &str| {
            let found = checks.iter().find(|check| check["name"] == name);
            found.map(|check| check["verdict"].as_str().unwrap().to_owned())
        };
        (ended.code, verdict("Docker"), verdict("Local memory"))
    };
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(checked(&[]), (Some(0), word("warning"), word("ok")));
    assert_eq!(
        checked(&["--backend", "local"]),
        (Some(0), None, word("ok"))
    );
    assert_eq!(
        checked(&["--backend", "docker"]),
        (Some(1), word("problem"), None)
    );
}

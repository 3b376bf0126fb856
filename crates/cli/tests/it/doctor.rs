//! `doctor`, `completion` and `man`.

use serde_json::Value;

use crate::common::{Ended, User};

#[test]
fn a_machine_with_docker_is_checked() {
    let ended = User::new().isol8(&["doctor", "--offline", "--json"]);
    let checks: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&checks[0]["name"], &checks[0]["verdict"]),
        (&"Docker".into(), &"ok".into())
    );
    let names: Vec<_> = checks
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    for name in ["Images", "Kernel", "Cgroups", "User namespaces"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.contains(&"Registry"));
}

#[test]
fn a_machine_without_docker_has_a_problem_and_a_remedy() {
    let user = User::new();
    let mut command = user.command(&["doctor", "--offline", "--backend", "docker"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.starts_with("[ERR]  Docker: "),
        "{}",
        ended.stdout
    );
    ended.shows("\n       Install Docker: ");
}

#[test]
fn shells_and_man_get_what_they_read() {
    let user = User::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = user.isol8(&["completion", shell]);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        assert!(ended.stdout.contains("list-custom"), "{shell}");
    }
    assert!(user.isol8(&["man"]).stdout.contains(".TH isol8 1"));
    user.isol8(&["man", "pages"]).is(0, "", "");
    assert!(user.read("pages/isol8-run.1").contains("sandbox"));
}

//! `doctor`, `completion` and `man`.

use serde_json::{Value, json};

use crate::{
    common::{Ended, User},
    daemon::Daemon,
};

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

#[test]
fn images_that_another_version_has_built_are_named_with_their_age() {
    let (daemon, user) = (Daemon::start(), User::new());
    let words = ["setup", "--only", "bash"];
    assert_eq!(user.isol8_on(&daemon, &words, "").code, Some(0));
    let labels = json!({ "org.isol8.runtime": "node", "org.isol8.build.hash": "another" });
    daemon.image("isol8:node", labels);
    let words = ["doctor", "--offline", "--backend", "docker"];
    let ended = user.isol8_on(&daemon, &words, "");
    let images = ended
        .stdout
        .lines()
        .skip_while(|line| !line.contains("Images: "));
    let images: Vec<_> = images.take(2).collect();
    let found = "[WARN] Images: there is none for python, bun, deno, agent; that of node is not what this version \
        builds; built: node ";
    assert!(images[0].starts_with(found), "{images:?}");
    assert!(images[0].contains(" days ago, bash "), "{images:?}");
    let remedy = "       Run: isol8 setup --only python bun deno agent node. Else the first run builds what is missing.";
    assert_eq!(images[1], remedy);
    ended.shows("[OK]   Docker: version 27.1 at unix://");
}

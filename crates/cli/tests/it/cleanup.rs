//! `cleanup`, on a daemon with what the test puts there.

use serde_json::{Value, json};

use crate::{
    common::{Ended, User},
    daemon::Daemon,
};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A user whose configuration chooses Docker. So the command leaves the local sandboxes of this machine alone.
fn docker_user() -> User {
    let user = User::new();
    user.write("isol8.config.json", r#"{"backend": "docker"}"#);
    user
}

fn daemon() -> Daemon {
    let daemon = Daemon::start();
    let container = |id: &str, state: &str, more: Value| {
        let mut labels = json!({ "isol8.managed": "true" });
        labels
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "Id": id, "Image": "isol8:python", "State": state, "Created": 1000, "Labels": labels })
    };
    daemon.container(container(ID, "exited", json!({})));
    daemon.container(container("living", "running", json!({})));
    daemon.image("isol8:python", json!({ "org.isol8.runtime": "python" }));
    daemon.image("debian:13", json!({}));
    daemon
}

#[test]
fn it_asks_and_removes_after_a_yes_only() {
    let (daemon, user) = (daemon(), docker_user());
    for (answer, end, removed) in [
        ("n\n", "Cleanup cancelled\n", 0),
        ("", "Cleanup cancelled\n", 0),
        ("y\n", "Removed 1 container(s)\n", 1),
    ] {
        let ended = user.isol8_on(&daemon, &["cleanup"], answer);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        assert!(
            ended.stdout.starts_with(
                "Found 1 isol8 container(s)\n  ⚪ stopped 0123456789ab | isol8:python | created "
            ),
            "{}",
            ended.stdout
        );
        let end = format!("Remove all these containers? [y/N] {end}");
        assert!(ended.stdout.ends_with(&end), "{}", ended.stdout);
        assert_eq!(daemon.changes().len(), removed);
    }
    assert_eq!(daemon.changes(), [format!("DELETE /containers/{ID}")]);
}

#[test]
fn with_images_it_removes_those_of_isol8_and_no_others() {
    let (daemon, user) = (daemon(), docker_user());
    let ended = user.isol8_on(&daemon, &["cleanup", "--images", "--force"], "");
    assert!(
        ended
            .stdout
            .starts_with("Found 1 isol8 container(s) and 1 image(s)\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .ends_with("Removed 1 container(s)\nRemoved 1 image(s)\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(daemon.changes().len(), 2);
    assert!(
        daemon.changes()[1].starts_with("DELETE /images/isol8"),
        "{:?}",
        daemon.changes()
    );
}

#[test]
fn json_shows_what_there_is_and_force_removes_it() {
    let (daemon, user) = (daemon(), docker_user());
    let asked = |words: &[&str]| -> Value {
        let ended = user.isol8_on(&daemon, words, "");
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let container = json!({ "id": ID, "image": "isol8:python", "running": false, "created": 1000 });
    assert_eq!(
        asked(&["cleanup", "--json"]),
        json!({ "containers": [container] })
    );
    assert_eq!(daemon.changes(), Vec::<String>::new());
    let removed = json!({ "removed": 1, "failed": 0, "errors": [] });
    assert_eq!(
        asked(&["cleanup", "--json", "--images", "--force"]),
        json!({
            "containers": [container],
            "images": [{ "id": "sha256:isol8:python", "tags": ["isol8:python"] }],
            "removed": { "containers": removed, "images": removed },
        })
    );
    assert_eq!(daemon.changes().len(), 2);
}

#[test]
fn it_asks_nothing_when_there_is_nothing_to_remove() {
    let (daemon, user) = (Daemon::start(), docker_user());
    user.isol8_on(&daemon, &["cleanup"], "")
        .is(0, "No isol8 containers found\n", "");
    user.isol8_on(&daemon, &["cleanup", "--images"], "").is(
        0,
        "No isol8 containers or images found\n",
        "",
    );
}

#[test]
fn it_names_what_it_cannot_remove() {
    let (daemon, user) = (daemon(), docker_user());
    daemon.keep_all();
    let ended = user.isol8_on(&daemon, &["cleanup", "--images"], "yes\n");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "Remove all these containers and images? [y/N] ",
        "Removed 0 container(s), 1 failed\n",
        "Removed 0 image(s), 1 failed\n",
    ] {
        ended.shows(part);
    }
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("  Failed to remove "), "{lines:?}");
    assert!(
        lines[1].starts_with("  Failed to remove image "),
        "{lines:?}"
    );
    for (line, name) in lines.iter().zip(["0123456789ab", "isol8:python"]) {
        assert!(line.contains(name), "{line}");
        assert!(line.contains("it is in use"), "{line}");
    }
}

#[test]
fn remains_of_local_sandboxes_are_removed_without_a_daemon() {
    let user = User::new();
    let mut command = user.command(&["cleanup"]);
    command
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .env("ISOL8_BACKEND", "local");
    let ended: Ended = command.output().unwrap().into();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Other tests may leave something at the same time.
    let texts = [
        "No remains of local sandboxes found",
        "Removed the control groups of ",
    ];
    assert!(
        texts.iter().any(|text| ended.stdout.starts_with(text)),
        "{ended:?}"
    );
}

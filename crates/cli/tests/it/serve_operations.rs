//! What an operator sees of `serve`: the images at its end, and its log.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::{
    common::User,
    daemon::Daemon,
    served::{GOODBYE, Served, free_port},
};

const BUILDS: &str =
    "[Server] Building prebuilt image mine:1 (bash: jq)\n[Server] Prebuilt image mine:1 ready\n";
const HAS: &str = "[Server] Prebuilt image mine:1 already exists, skipping build\n";

/// What a server says that starts and ends on this daemon.
fn say(user: &User, daemon: &Daemon, keep: &[&str], config: &str) -> String {
    user.write(
        "isol8.config.json",
        format!(
            r#"{{"prebuiltImages": [{{"tag": "mine:1", "runtime": "bash", "installPackages": ["jq"]}}]{config}}}"#
        ),
    );
    let (listener, port) = free_port();
    drop(listener);
    let words = [&["serve", "--key", "k", "--port", &port], keep].concat();
    let mut command = user.command(&words);
    let stderr = Served::of(command.env("DOCKER_HOST", daemon.address())).end_well();
    let told = stderr.strip_suffix(GOODBYE);
    told.unwrap_or_else(|| panic!("{stderr:?}")).to_owned()
}

#[test]
fn images_go_at_the_end_unless_they_are_kept_and_the_next_start_builds_them_again() {
    let (daemon, user) = (Daemon::start(), User::new());
    let removed = || {
        let changes = daemon.changes();
        let of_images = changes
            .iter()
            .filter(|change| change.starts_with("DELETE /images/mine"));
        of_images.count()
    };
    let keeps = r#", "cleanup": {"keepImages": true}"#;
    assert_eq!(say(&user, &daemon, &["--keep-images"], ""), BUILDS);
    assert_eq!(say(&user, &daemon, &[], keeps), HAS);
    assert_eq!(removed(), 0);
    assert_eq!(say(&user, &daemon, &[], ""), HAS);
    assert_eq!(removed(), 1);
    assert_eq!(say(&user, &daemon, &[], ""), BUILDS);
    assert_eq!(removed(), 2);
}

#[test]
fn the_log_has_the_id_of_each_request() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let words = [
        "serve",
        "--debug",
        "--keep-images",
        "--key",
        "k",
        "--port",
        &port,
    ];
    let server = Served::of(&mut user.command(&words));
    let ids = ["/health", "/sessions", "/nowhere"].map(|path| {
        let mut stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let mut lines = answer.lines();
        let id = lines.find_map(|line| line.strip_prefix("x-request-id: "));
        (path, id.unwrap().to_owned())
    });
    let log = server.end_well();
    for ((path, id), status) in ids.iter().zip(["200", "200", "404"]) {
        let line = log
            .lines()
            .find(|line| line.contains(id.as_str()) && line.contains("request answered"));
        let line = line.unwrap_or_else(|| panic!("{path} {id}: {log}"));
        assert!(line.contains(path) && line.contains(status), "{line}");
    }
}

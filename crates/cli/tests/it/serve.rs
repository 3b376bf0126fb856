//! `serve`: its words, its port, and its end. Each server keeps the images: other tests need them.

use nix::sys::signal::Signal;

use crate::{
    common::{Ended, User, containers, until},
    daemon::Daemon,
    served::{GOODBYE, Served, free_port},
};

#[test]
fn a_program_runs_over_http_and_nothing_is_left_at_the_end() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let server = Served::start(&user, &["--key", "k", "--port", &port]);
    assert_eq!(server.port().to_string(), port);
    let body = r#"{"request": {"runtime": "python", "code": "print(6 * 7)"}, "sessionId": "s"}"#;
    let answer = server.ask("POST /execute", "k", body);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""stdout":"42""#), "{answer}");
    let (_, json) = answer.split_once(r#""containerId":""#).unwrap();
    let id = json.split('"').next().unwrap().to_owned();
    assert!(containers().contains(&id));
    let refused = server.ask("POST /execute", "other", body);
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    let ended = server.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), GOODBYE));
    assert!(!containers().contains(&id));
}

/// A program on a server without a Docker daemon, and how the server has ended.
#[cfg(target_os = "linux")]
fn without_daemon(user: &User, words: &[&str], backend: &str) -> (String, Ended) {
    let (listener, port) = free_port();
    drop(listener);
    let words = [&["--key", "k", "--port", &port], words].concat();
    let variables = [
        ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
        ("ISOL8_BACKEND", backend),
    ];
    let server = Served::start_with(user, &words, &variables);
    let body = r#"{"request": {"runtime": "bash", "code": "echo $((6 * 7))"}}"#;
    let answer = server.ask("POST /execute", "k", body);
    (answer, server.end())
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_runs_its_sandboxes_where_it_is_told() {
    let user = User::new();
    // With `auto` (no variable, no flag) there is no daemon, so that they are local.
    for (words, variable) in [
        (&[][..], "local"),
        (&["--backend", "local"], "docker"),
        (&[], ""),
    ] {
        let (answer, ended) = without_daemon(&user, words, variable);
        assert!(answer.contains(r#""stdout":"42""#), "{answer}");
        let told = ended.stderr.strip_suffix(GOODBYE).unwrap();
        assert!(told.starts_with("[Serve] Sandboxes are local: "), "{told}");
    }
    user.write("isol8.config.json", r#"{"backend": "docker"}"#);
    let (answer, ended) = without_daemon(&user, &[], "");
    assert!(answer.contains("ISOL8_DOCKER_UNREACHABLE"), "{answer}");
    assert!(!ended.stderr.contains("local"), "{}", ended.stderr);
}

#[test]
fn keys_of_tenants_are_in_the_database_that_is_named() {
    let user = User::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/keys.db").display().to_string();
    let (listener, port) = free_port();
    drop(listener);
    let words = ["--key", "k", "--port", &port, "--auth-db", &file];
    let mut server = Served::start(&user, &words);
    assert_eq!(server.line(), format!("       Auth DB: {file}\n"));
    let answer = server.ask("POST /auth/keys", "k", r#"{"name": "ci"}"#);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (_, key) = answer.split_once(r#""key":""#).unwrap();
    let key = key.split('"').next().unwrap().to_owned();
    let sessions = server.ask("GET /sessions", &key, "");
    assert!(sessions.starts_with("HTTP/1.1 200 "), "{sessions}");
    let refused = server.ask("GET /auth/keys", &key, "");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert_eq!(server.end().code, Some(0));
    let nowhere = user.isol8(&["serve", "-k", "k", "--auth-db", "mongodb://a/b"]);
    nowhere.failed(
        "[ERR] Invalid address of the key database: it must be a path (SQLite), or a postgres://, postgresql:// or \
         mysql:// URL",
    );
}

#[test]
fn a_kill_of_the_server_leaves_no_sandbox() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let words = ["--key", "k", "--port", &port, "--hostname", "127.0.0.1"];
    let server = Served::start(&user, &words);
    let body = r#"{"request": {"runtime": "bash", "code": "echo 1"}, "sessionId": "s"}"#;
    let answer = server.ask("POST /execute", "k", body);
    let (_, json) = answer.split_once(r#""containerId":""#).unwrap();
    let id = json.split('"').next().unwrap().to_owned();
    assert_eq!(server.end_by(Signal::SIGKILL).code, None);
    until("the sandbox is gone", || !containers().contains(&id));
}

#[test]
fn a_port_that_is_taken_gives_a_warning_and_another_one_is_used() {
    let user = User::new();
    let (_taken, port) = free_port();
    let mut command = user.command(&["serve", "--keep-images", "-k", "k"]);
    let server = Served::of(command.env("ISOL8_PORT", &port).env("PORT", "x"));
    let other = server.port();
    let ended = server.end_by(Signal::SIGINT);
    let warning =
        format!("[WARN] Port {port} is in use. Falling back to available port {other}.\n{GOODBYE}");
    assert_eq!((ended.code, ended.stderr), (Some(0), warning));
}

#[test]
fn what_is_missing_or_wrong_is_an_error_that_names_it() {
    let user = User::new();
    let key = "[ERR] API key required. Use --key or ISOL8_API_KEY env var.";
    user.isol8(&["serve"]).failed(key);
    user.isol8(&["serve", "-k", "k", "-p", "70000"])
        .failed("[ERR] Invalid port from --port: 70000. Expected 1-65535.");
    let output = user
        .command(&["serve", "-k", "k"])
        .env("PORT", "x")
        .env_remove("ISOL8_PORT")
        .output()
        .unwrap();
    Ended::from(output).failed("[ERR] Invalid port from PORT: x. Expected 1-65535.");
    let nowhere = user.isol8(&["serve", "-k", "k", "--hostname", "192.0.2.1"]);
    assert_eq!(nowhere.code, Some(1));
    let text = "[ERR] Cannot listen on 192.0.2.1, port 3000: ";
    assert!(nowhere.stderr.starts_with(text), "{}", nowhere.stderr);
}

#[test]
fn images_of_the_configuration_are_built_before_it_serves() {
    let (daemon, user) = (Daemon::start(), User::new());
    user.write(
        "isol8.config.json",
        r#"{"prebuiltImages": [{"tag": "mine:1", "runtime": "node", "installPackages": ["a", "b"]}]}"#,
    );
    let address = daemon.address();
    let variables = [("DOCKER_HOST", &*address), ("ISOL8_API_KEY", "k")];
    for told in [
        "[Server] Building prebuilt image mine:1 (node: a, b)\n[Server] Prebuilt image mine:1 ready\n",
        "[Server] Prebuilt image mine:1 already exists, skipping build\n",
    ] {
        let (listener, port) = free_port();
        drop(listener);
        let server = Served::start_with(&user, &["--port", &port], &variables);
        let ended = server.end();
        assert_eq!(
            (ended.code, ended.stderr),
            (Some(0), format!("{told}{GOODBYE}"))
        );
    }
    let builds = daemon.changes();
    assert!(
        builds.len() == 2 && builds.iter().all(|change| change == "POST /build"),
        "{builds:?}"
    );
}

#[test]
fn older_flags_mean_what_they_did() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let mut server = Served::start_with(
        &user,
        &["--update", "--port", &port, "--auth-db"],
        &[("ISOL8_API_KEY", "k")],
    );
    let keys = user.home().join(".isol8/auth.db");
    assert_eq!(
        server.line(),
        format!("       Auth DB: {}\n", keys.display())
    );
    assert!(keys.exists());
    let ended = server.end();
    let update = "[INFO] The server is part of this program: nothing has to be downloaded.\n";
    assert_eq!(
        (ended.code, ended.stderr),
        (Some(0), format!("{update}{GOODBYE}"))
    );
}

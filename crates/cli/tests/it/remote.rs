//! The commands that run programs on a server: `run --host`, `session`, and `isol8-server`.

use std::{io::Write as _, process::Stdio};

use crate::{
    common::{User, ended},
    served::{Served, answering, free_port},
};

const KEY: &str = "remote-key";

#[test]
fn programs_sessions_and_files_of_a_server_are_those_of_this_machine() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let serving = Served::start(&user, &["-k", KEY, "-p", &port]);
    let host = serving.host();
    let at = |words: &[&str]| {
        let server = ["--host", &host, "--key", KEY];
        user.isol8(&[words, &server].concat())
    };
    for more in [&[][..], &["--no-stream"]] {
        let code = "echo out; echo err >&2; exit 3";
        at(&[&["run", "--cmd", code], more].concat()).is(3, "out\n", "err\n");
        let setup = at(&[&["run", "--cmd", "echo no", "--setup", "exit 9"], more].concat());
        assert_eq!((setup.code, &*setup.stdout), (Some(9), ""), "{setup:?}");
        let copied = [
            "run",
            "--cmd",
            "echo 1 > a",
            "--output-path",
            "a",
            "--force",
        ];
        at(&[&copied[..], more].concat()).is(0, "", "");
        assert_eq!(user.read("a"), "1\n");
    }
    let events = at(&["run", "--json", "--cmd", "echo out"]);
    let last: serde_json::Value =
        serde_json::from_str(events.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["exitCode"]),
        (&"result".into(), &0.into())
    );

    let session = ["--session-id", "s 1"];
    let note = "[Run] Session ID: s 1\n";
    at(&[&["run", "-e", "x = 42"], &session[..]].concat()).is(0, "", note);
    at(&[&["run", "-e", "print(x)"], &session[..]].concat()).is(0, "42\n", note);
    let listed = at(&["session", "list"]);
    assert!(
        listed
            .stdout
            .starts_with("  1 active session(s):\n  s 1  [idle]  last accessed: "),
        "{listed:?}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&at(&["session", "list", "--json"]).stdout).unwrap();
    assert_eq!(json[0]["id"], "s 1");
    at(&["session", "stop", "s 1"]).is(0, "", "[OK] Session \"s 1\" destroyed.\n");
    at(&["session", "list"]).is(0, "[INFO] No active sessions.\n", "");
    let made = at(&["run", "-e", "1", "--persistent"]);
    assert!(made.stderr.starts_with("[Run] Session ID: "), "{made:?}");

    let mut child = user
        .command(&["run", "-i", "--cmd", "cat", "--host", &host])
        .env("ISOL8_API_KEY", KEY)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all("é\n".as_bytes())
        .unwrap();
    ended(child).is(0, "é\n", "");

    let wrong = ["run", "-e", "1", "--host", &host, "--key", "wrong"];
    user.isol8(&wrong)
        .failed("[ERR] Stream failed: Invalid API key");
    user.isol8(&[&wrong[..], &["--no-stream"]].concat())
        .failed("[ERR] Execution failed: Invalid API key");
    user.isol8(&["session", "list", "--host", &host, "--key", "wrong"])
        .failed("[ERR] Failed to list sessions: Invalid API key");
    user.isol8(&["session", "stop", "x", "--host", &host, "--key", "wrong"])
        .failed("[ERR] Failed to delete session: Invalid API key");
    assert_eq!(serving.end().code, Some(0));
}

#[test]
fn what_is_missing_is_an_error_that_names_it() {
    let user = User::new();
    let key = "[ERR] API key required. Use --key, ISOL8_API_KEY env var, or `isol8 login`.";
    for (words, stderr) in [
        (&["run", "-e", "1", "--host", "http://a"][..], key),
        (&["session", "list", "--host", "http://a"], key),
        (
            &["login", "--host", "http://a"],
            "[ERR] API key required. Use --key or ISOL8_API_KEY env var.",
        ),
        (
            &["run", "-e", "1", "--session-id", "s"],
            "[ERR] --session-id requires --host (remote server). Session IDs are managed by the server.",
        ),
        (
            &["run", "-e", "1", "--host", "a:1", "--key", "k"],
            "[ERR] Invalid --host: \"a:1\". It must be an address such as http://localhost:3000 or unix:/path.",
        ),
        (
            &["session", "list"],
            "error: required option '--host <url>' not specified",
        ),
    ] {
        user.isol8(words).failed(stderr);
    }
    let alone = user.isol8(&["session"]);
    assert_eq!((alone.code, &*alone.stdout), (Some(1), ""));
    assert!(alone.stderr.contains("Usage: isol8 session"), "{alone:?}");
}

#[test]
fn isol8_server_is_the_server_under_another_name() {
    let user = User::new();
    for (words, stderr) in [
        (&["--zzz"][..], "[ERR] Unknown argument: --zzz"),
        (&["x"], "[ERR] Unknown argument: x"),
        (
            &[],
            "[ERR] API key required. Use --key or set ISOL8_API_KEY env var.",
        ),
        (
            &["-k", "k", "-p", "x"],
            "[ERR] Invalid port from --port: x. Expected 1-65535.",
        ),
    ] {
        user.isol8(&[&["isol8-server"], words].concat())
            .failed(stderr);
    }
    let version = concat!("isol8-server ", env!("CARGO_PKG_VERSION"), "\n");
    user.isol8(&["isol8-server", "-V"]).is(0, version, "");
}

/// A server of version 0.20: events without a phase, and no result.
#[test]
fn events_without_a_result_end_with_their_exit_code() {
    let user = User::new();
    let events = "data: {\"type\":\"stdout\",\"data\":\"o\\n\"}\n\ndata: {\"type\":\"exit\",\"data\":\"0\"}\n\n";
    let host = answering(200, events);
    let run = ["run", "-e", "1", "--host", &host, "--key", "k"];
    user.isol8(&run).is(0, "o\n", "");
    user.isol8(&[&run[..], &["--output-path", "a"]].concat()).is(
        1,
        "o\n",
        "[ERR] The server has sent no result with the events, so nothing is copied out. Use --no-stream.\n",
    );
    let cut = answering(200, "data: {\"type\":\"stdout\",\"data\":\"o\\n\"}\n\n");
    user.isol8(&["run", "-e", "1", "--host", &cut, "--key", "k"])
        .is(
            1,
            "o\n",
            "[ERR] Stream failed: the connection ended before the program did\n",
        );
}

//! The commands that use a server: `run --host`, `session`, `login`, `logout`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    thread,
};

use crate::{
    common::{User, ended},
    served::{Served, free_port},
};

const KEY: &str = "remote-key";

/// A server that answers every request alike. Returns its address.
fn answering(status: u16, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            let _ = reader.read_exact(&mut vec![0; length]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    host
}

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
fn a_key_is_kept_used_for_its_host_only_and_forgotten() {
    let user = User::new();
    let login = |expires: &str| {
        let answer = format!(r#"{{"token":"isol8_t","expiresAt":"{expires}","keyId":"i"}}"#);
        let host = answering(201, &answer);
        let ended = user.isol8(&["login", "--host", &host, "--key", "k", "--ttl", "1000"]);
        ended.is(
            0,
            "",
            &format!(
                "[OK] Authenticated successfully\n  Host:    {host}\n  Expires: {expires}\n  \
                 Stored:  ~/.isol8/credentials.json\n"
            ),
        );
        host
    };
    let host = login("2999-01-01T00:00:00.000Z");
    let file = user.home().join(".isol8/credentials.json");
    let kept: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        kept,
        serde_json::json!({"host": host, "token": "isol8_t", "expiresAt": "2999-01-01T00:00:00.000Z",
            "keyId": "i"})
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // The key is used: without one, nothing would be sent.
    user.isol8(&["session", "list", "--host", &format!("{host}/")])
        .failed("[ERR] Failed to list sessions: the answer has no sessions");
    let key = "[ERR] API key required. Use --key, ISOL8_API_KEY env var, or `isol8 login`.";
    user.isol8(&["session", "list", "--host", "http://elsewhere"])
        .failed(key);
    let host = login("2020-01-01T00:00:00.000Z");
    user.isol8(&["session", "list", "--host", &host])
        .failed(&format!(
            "[WARN] Stored credentials have expired. Run `isol8 login` to re-authenticate.\n{key}"
        ));
    user.isol8(&["logout"]).is(
        0,
        "[OK] Credentials removed from ~/.isol8/credentials.json\n",
        "",
    );
    assert!(!file.exists());
    user.isol8(&["logout"])
        .is(0, "[INFO] No stored credentials found.\n", "");
}

#[test]
fn a_key_of_login_is_good_for_the_server_that_gave_it() {
    let user = User::new();
    let (listener, port) = free_port();
    drop(listener);
    let keys = user.path("keys.db");
    let words = ["-k", KEY, "-p", &port, "--auth-db", keys.to_str().unwrap()];
    let mut serving = Served::start(&user, &words);
    assert_eq!(
        serving.line(),
        format!("       Auth DB: {}\n", keys.display())
    );
    let host = serving.host();
    let login = user.isol8(&["login", "--host", &host, "--key", KEY, "--ttl", "60000"]);
    assert_eq!((login.code, &*login.stdout), (Some(0), ""), "{login:?}");
    let named = serving.ask("GET /auth/keys", KEY, "");
    let (_, name) = named.split_once(r#""name":"cli-login-"#).unwrap();
    let name = name.split('"').next().unwrap();
    assert_eq!((name.len(), &name[10..11], &name[23..]), (24, "T", "Z"));
    user.isol8(&["run", "--cmd", "echo out", "--host", &host])
        .is(0, "out\n", "");
    user.isol8(&["session", "list", "--host", &host])
        .is(0, "[INFO] No active sessions.\n", "");
    user.isol8(&["login", "--host", &host, "--key", "wrong"])
        .failed("[ERR] Authentication failed: Invalid API key");
    assert_eq!(serving.end().code, Some(0));
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

#[test]
fn a_refused_login_says_what_to_do() {
    let user = User::new();
    let host = answering(400, r#"{"error":"DB-backed auth is not enabled"}"#);
    user.isol8(&["login", "--host", &host, "--key", "k"])
        .failed(
            "[ERR] Authentication failed: DB-backed auth is not enabled\n\
         [WARN] DB-backed auth may not be enabled on the server.\n\
         [WARN] Start the server with --auth-db <path> to enable it.",
        );
    let host = answering(403, r#"{"error":"Invalid API key"}"#);
    user.isol8(&["login", "--host", &host, "--key", "k"])
        .failed("[ERR] Authentication failed: Invalid API key");
    let nowhere = user.isol8(&["login", "--host", "http://127.0.0.1:1", "--key", "k"]);
    assert!(
        nowhere.stderr.starts_with("[ERR] Login failed: "),
        "{nowhere:?}"
    );
    assert!(!user.home().join(".isol8").exists());
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

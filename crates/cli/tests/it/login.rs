//! `login` and `logout`: the key of a server, kept for its host.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    common::User,
    served::{Served, answering, free_port},
};

const KEY: &str = "login-key";

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

//! What users meet, on a real Docker daemon.

use std::{collections::BTreeSet, sync::Arc};

use isol8_api::config::Config;
use isol8_server::Settings;
use reqwest::Method;

use crate::support::{Docker, KEY, Keys, TestServer, Value, events_of, json, open_socket, until};

async fn server() -> TestServer {
    TestServer::start(&Settings::new(KEY, Config::default()), Arc::new(Docker)).await
}

/// The output among events, and the last event.
fn told(events: &[Value]) -> (String, Value) {
    let output = events.iter().filter(|event| event["type"] == "stdout");
    let output = output
        .map(|event| event["data"].as_str().unwrap())
        .collect();
    (output, events.last().unwrap().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_collected_and_over_both_streams() {
    let server = server().await;
    assert_eq!(server.get("/ready").await.0, 200);
    let program = json!({"runtime": "python", "code": "print('é' * 3, input())", "stdin": "in\n"});
    let body = json!({"request": program, "options": {"timeoutMs": 20000}});
    let (status, result) = server.post("/execute", body.clone()).await;
    assert_eq!(
        (status.as_u16(), &result["stdout"]),
        (200, &json!("ééé in")),
        "{result}"
    );
    assert_eq!(
        (&result["stderr"], &result["exitCode"]),
        (&json!(""), &json!(0))
    );
    let exit = json!({"type": "exit", "data": "0", "phase": "code"});
    let expected = ("ééé in\n".to_owned(), exit);
    assert_eq!(told(&events_of(&server, body).await), expected);
    let (events, _) = open_socket(&server).await.execute(program).await;
    assert_eq!(told(&events), expected);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_variables_and_files_over_every_way_in() {
    let server = server().await;
    let body = |code: &str| json!({"request": {"runtime": "python", "code": code, "files": {}}, "sessionId": "s"});
    let (status, _) = server.post("/execute", body("x = 42")).await;
    assert_eq!(status, 200);
    let content = "AP8=";
    let upload = json!({"sessionId": "s", "path": "/sandbox/new folder/b.bin", "content": content});
    assert_eq!(server.post("/file", upload).await.1, json!({"ok": true}));
    let read = body("print(x, list(open('/sandbox/new folder/b.bin', 'rb').read()))");
    let events = events_of(&server, read).await;
    assert_eq!(told(&events).0, "42 [0, 255]\n");
    let mut socket = open_socket(&server).await;
    let mut execute = body("print(x + 1)");
    execute["type"] = json!("execute");
    socket.send(execute).await;
    assert_eq!(told(&socket.rest().await.0).0, "43\n");
    let path = "/file?sessionId=s&path=/sandbox/new%20folder/b.bin";
    assert_eq!(server.get(path).await.1, json!({"content": content}));
    let (status, missing) = server.get("/file?sessionId=s&path=/sandbox/none").await;
    assert_eq!(
        (status.as_u16(), &missing["code"]),
        (404, &json!("ISOL8_FILE_NOT_FOUND"))
    );
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_stays_open_only_when_the_client_says_so() {
    let server = server().await;
    let cat = json!({"runtime": "bash", "cmd": "cat; echo over"});
    let (events, _) = open_socket(&server).await.execute(cat.clone()).await;
    assert_eq!(told(&events).0, "over\n");
    let mut socket = open_socket(&server).await;
    socket
        .send(json!({"type": "execute", "request": cat, "stdin": "open"}))
        .await;
    socket.send(json!({"type": "stdin", "data": "one\n"})).await;
    let first = socket.event().await.unwrap();
    assert_eq!(first["data"], json!("one\n"));
    socket
        .send(json!({"type": "stdin", "data": "two\n", "end": true}))
        .await;
    let (events, end) = socket.rest().await;
    assert_eq!(told(&events).0, "two\nover\n");
    assert_eq!(end.0, 1000);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_of_one_tenant_never_serves_another() {
    let keys = Keys::new().await;
    let pair = [keys.of("a").await, keys.of("b").await];
    let server = TestServer::start(
        &keys.settings(json!({"poolSize": 1, "defaults": {}})),
        Arc::new(Docker),
    )
    .await;
    let body = json!({"request": {"runtime": "bash", "code": "cat left 2>&1; echo x >left"}});
    let mut used: [BTreeSet<String>; 3] = Default::default();
    for _ in 0..4 {
        for (key, used) in [&pair[0], &pair[1], KEY].into_iter().zip(&mut used) {
            let (status, result) = server.ask(key, Method::POST, "/execute", &body).await;
            assert_eq!(status, 200, "{result}");
            assert!(
                !result["stdout"].as_str().unwrap().contains('x'),
                "{result}"
            );
            used.insert(result["containerId"].as_str().unwrap().to_owned());
        }
    }
    assert!(
        used[0].is_disjoint(&used[1]) && used[0].is_disjoint(&used[2]),
        "{used:?}"
    );
    assert!(used[1].is_disjoint(&used[2]), "{used:?}");
    // Each of them had a sandbox more than once.
    assert!(used.iter().all(|used| used.len() < 4), "{used:?}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_the_program() {
    let server = server().await;
    let mut socket = open_socket(&server).await;
    // Bash may report that the signal has killed `sleep`, too.
    let code = "exec 2>/dev/null; trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let request = json!({"runtime": "bash", "code": code});
    socket
        .send(json!({"type": "execute", "request": request}))
        .await;
    assert_eq!(socket.event().await.unwrap()["type"], json!("stdout"));
    socket
        .send(json!({"type": "signal", "signal": "SIGTERM"}))
        .await;
    let (events, _) = socket.rest().await;
    let exit = json!({"type": "exit", "data": "7", "phase": "code"});
    assert_eq!(told(&events), ("caught\n".to_owned(), exit));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_a_session_that_can_go_on() {
    let server = server().await;
    let body =
        |code: &str| json!({"request": {"runtime": "python", "code": code}, "sessionId": "s"});
    server.post("/execute", body("x = 7")).await;
    let mut execute = body("import time\nprint('begun', flush=True)\ntime.sleep(100)");
    execute["type"] = json!("execute");
    let mut socket = open_socket(&server).await;
    socket.send(execute).await;
    assert_eq!(socket.event().await.unwrap()["type"], json!("stdout"));
    drop(socket);
    until("nobody uses the session", async || {
        let (_, list) = server.get("/sessions").await;
        list["sessions"][0]["isActive"] == json!(false)
    })
    .await;
    let (_, result) = server.post("/execute", body("print(x)")).await;
    assert_eq!(result["stdout"], json!("7"), "{result}");
    server.end().await;
}

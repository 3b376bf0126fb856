//! What one client cannot take from the others: turns, memory, connections, time.

use isol8_fakes::{Exchange, exited, stdout};
use isol8_server::Settings;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::{
    KEY, TestServer, Value, bash, config, done, events_of, gauge, hangs, in_session, in_tenants,
    json, open_socket_with, program, request, until,
};

fn call(answer: Vec<Vec<u8>>) -> Exchange {
    Exchange::new("call /sandbox/main.sh", answer)
}

/// A client that has sent a request and reads no more than the kernel takes for it.
async fn silent(server: &TestServer, path: &str, body: &Value) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn an_answer_is_held_until_it_has_been_read() {
    let much = (0..400).map(|_| stdout(&"x".repeat(50_000)));
    let starts = [bash(vec![program(much.chain([exited(0)]))])];
    let (server, _) = TestServer::scripted(starts).await;
    let mut body = request();
    body["options"] = json!({"maxOutputSize": 64 * 1024 * 1024});
    let mut client = silent(&server, "/execute", &body).await;
    until("the answer is held", async || {
        gauge(&server, "held_bytes").await >= 20_000_000
    })
    .await;
    assert_eq!(gauge(&server, "running").await, 0);
    let mut some = [0; 1000];
    client.read_exact(&mut some).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 OK"));
    drop(client);
    until("it is let go", async || {
        gauge(&server, "held_bytes").await == 0
    })
    .await;
    server.end().await;
}

#[tokio::test]
async fn a_slow_reader_keeps_no_turn_once_its_program_has_ended() {
    // Fewer events than wait for a consumer, and more than the kernel takes.
    let much = (0..25).map(|_| stdout(&"x".repeat(250_000)));
    let first = bash(vec![program(much.chain([exited(0)]))]);
    let settings = Settings::new(KEY, config(json!({"maxConcurrent": 1})));
    let (server, _) = TestServer::scripted_with(&settings, [first, done()]).await;
    let mut body = request();
    body["options"] = json!({"maxOutputSize": 64 * 1024 * 1024});
    let mut slow = silent(&server, "/execute/stream", &body).await;
    let mut some = [0; 1000];
    slow.read_exact(&mut some).await.unwrap();
    let (status, told) = server.post("/execute", request()).await;
    assert_eq!(status, 200, "{told}");
    drop(slow);
    server.end().await;
}

#[tokio::test]
async fn files_wait_for_a_turn_no_longer_than_executions_do() {
    let never_read = Exchange::new("read /sandbox/x", vec![]);
    let starts = [bash(vec![call(vec![exited(0)]), never_read])];
    let given = json!({"maxConcurrent": 1, "queue": {"timeoutMs": 200}});
    let settings = Settings::new(KEY, config(given));
    let (server, _) = TestServer::scripted_with(&settings, starts).await;
    assert_eq!(server.post("/execute", in_session("s")).await.0, 200);
    let read = || server.get("/file?sessionId=s&path=/sandbox/x");
    // One of them has the turn.
    let (status, told) = tokio::select! {
        answer = read() => answer,
        answer = read() => answer,
    };
    assert_eq!(status, 408, "{told}");
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn a_session_whose_first_request_was_refused_is_not_kept() {
    let starts = [bash(vec![call(vec![exited(0)])])];
    let (server, _) = TestServer::scripted(starts).await;
    let secret = "x".repeat(100_000);
    let mut wrong = in_session("wrong");
    wrong["request"]["runtime"] = json!("cobol");
    wrong["options"]["secrets"] = json!({"A": secret});
    assert_eq!(server.post("/execute", wrong.clone()).await.0, 400);
    wrong["sessionId"] = json!("stream");
    let events = events_of(&server, wrong).await;
    assert_eq!(events[0]["type"], json!("error"), "{events:?}");
    let sessions = server.get("/sessions").await.1;
    assert_eq!(sessions["sessions"], json!([]), "{sessions}");
    assert_eq!(gauge(&server, "held_bytes").await, 0);

    // One that is kept has its secrets charged as long as it exists.
    let mut right = in_session("right");
    right["options"]["secrets"] = json!({"A": secret});
    assert_eq!(server.post("/execute", right).await.0, 200);
    until("the secrets are held", async || {
        (100_000..300_000).contains(&gauge(&server, "held_bytes").await)
    })
    .await;
    server.delete("/session/right").await;
    until("they are let go", async || {
        gauge(&server, "held_bytes").await == 0
    })
    .await;
    server.end().await;
}

#[tokio::test]
async fn connections_of_a_tenant_are_limited() {
    let given = json!({"tenants": {"byId": {"a": {"maxConnections": 2}}}});
    let (server, _, [a, b]) = in_tenants(given, []).await;
    let sockets = [
        open_socket_with(&server, &a).await,
        open_socket_with(&server, &a).await,
    ];
    let sessions = async |key: &str| {
        let (status, told) = server
            .ask(key, Method::GET, "/sessions", &Value::Null)
            .await;
        (status.as_u16(), told["error"].clone())
    };
    let text = "Too many requests — maxConnections (2) of this tenant is reached";
    assert_eq!(sessions(&a).await, (429, json!(text)));
    assert_eq!(sessions(&b).await.0, 200);
    drop(sockets);
    until("there is room", async || sessions(&a).await.0 == 200).await;
    server.end().await;
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_the_turns_of_others() {
    let given = json!({"queue": {"timeoutMs": 600_000}});
    let (server, scripted, [a, b]) = in_tenants(given, [hangs()]).await;
    let status = async |key: &str| {
        let answer = server
            .ask(key, Method::GET, "/queue/status", &Value::Null)
            .await;
        answer.1["available"].clone()
    };
    let before = status(&b).await;
    let running = server.bare(Method::POST, "/execute").bearer_auth(&a);
    let running = tokio::spawn(running.json(&request()).send());
    until("it runs", async || scripted.backend.started() == 1).await;
    assert_eq!(status(&a).await, json!(4));
    assert_eq!(status(&b).await, before);
    assert_eq!(status(KEY).await, json!(9));
    running.abort();
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn the_audit_log_names_the_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let given = json!({"audit": {"enabled": true, "logDir": folder.path()}});
    let (server, _, [a, _]) = in_tenants(given, [done(), done()]).await;
    let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(server.post("/execute", request()).await.0, 200);
    server.end().await;
    let log = std::fs::read_to_string(folder.path().join("executions.log")).unwrap();
    let tenants: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["tenantId"].clone())
        .collect();
    assert_eq!(tenants, [json!("a"), Value::Null]);
}

//! What may be said on a `WebSocket`.

use std::time::Duration;

use isol8_server::Settings;

use crate::support::{
    KEY, Keys, TestServer, Value, bash, config, json, open_socket, open_socket_with, program, until,
};

fn error(text: &str) -> Value {
    json!({"type": "error", "data": text})
}

#[tokio::test]
async fn what_is_no_json_ends_the_connection() {
    let (server, _) = TestServer::scripted([]).await;
    let long = "x".repeat(300 * 1024);
    for text in ["", "{", "hello", long.as_str()] {
        let mut socket = open_socket(&server).await;
        socket.text(text).await;
        let (events, end) = socket.rest().await;
        assert_eq!(events, [error("Invalid JSON message")]);
        assert_eq!(end, (1003, "Invalid JSON".to_owned()));
    }
    server.end().await;
}

#[tokio::test]
async fn what_is_not_known_or_comes_too_early_does_not() {
    let script = vec![program([isol8_fakes::exited(0)])];
    let (server, _) = TestServer::scripted([bash(script)]).await;
    let mut socket = open_socket(&server).await;
    for (message, kind) in [
        (json!({"type": "cancel"}), "cancel"),
        (
            json!({"type": "cancel", "long": "x".repeat(300 * 1024)}),
            "cancel",
        ),
        (json!({}), "undefined"),
        (json!([1]), "undefined"),
        (json!({"type": 1}), "1"),
    ] {
        socket.send(message).await;
        let expected = error(&format!("Unknown message type: {kind}"));
        assert_eq!(socket.event().await, Some(expected));
    }
    socket
        .send(json!({"type": "stdin", "data": "x", "end": true}))
        .await;
    socket
        .send(json!({"type": "signal", "signal": "SIGINT"}))
        .await;
    socket
        .send(json!({"type": "signal", "signal": "SIGKILL"}))
        .await;
    let refused = socket.event().await.unwrap();
    let text = refused["data"].as_str().unwrap();
    assert!(
        text.starts_with("Invalid message: unknown variant `SIGKILL`"),
        "{text}"
    );
    let (events, end) = socket
        .execute(json!({"runtime": "bash", "code": "x"}))
        .await;
    assert_eq!(
        events,
        [json!({"type": "exit", "data": "0", "phase": "code"})]
    );
    assert_eq!(end.0, 1000);
    server.end().await;
}

#[tokio::test]
async fn a_connection_runs_one_program() {
    let (server, scripted) = TestServer::scripted([bash(vec![program([])])]).await;
    let mut socket = open_socket(&server).await;
    let execute = json!({"type": "execute", "request": {"runtime": "bash", "code": "x"}});
    socket.send(execute.clone()).await;
    socket.send(execute).await;
    let text = "Invalid message: a program runs on this connection already";
    assert_eq!(socket.event().await, Some(error(text)));
    drop(socket);
    server.end().await;
    scripted.backend.finish().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_name_and_ends_a_program_that_runs() {
    let settings = Settings {
        max_body_bytes: 1000,
        ..Settings::new(KEY, config(json!({})))
    };
    let starts = [bash(vec![program([])])];
    let (server, _) = TestServer::scripted_with(&settings, starts).await;
    let input = json!({"type": "stdin", "data": "x".repeat(1000)});
    let text = "WebSocket message too large: at most 1000 bytes are accepted. Send input in several messages";

    let mut early = open_socket(&server).await;
    early.send(input.clone()).await;
    let (events, end) = early.rest().await;
    let mut told = error(text);
    told["code"] = json!("ISOL8_TOO_LARGE");
    assert_eq!(events, [told]);
    assert_eq!(end, (1009, "The message is too large".to_owned()));

    let mut running = open_socket(&server).await;
    let execute = json!({"type": "execute", "request": {"runtime": "bash", "code": "x"}});
    running.send(execute).await;
    until("the program runs", async || {
        server.get("/queue/status").await.1["available"] == json!(9)
    })
    .await;
    running.send(input).await;
    let (events, end) = running.rest().await;
    let mut told = error(&format!("The program was ended: {text}"));
    told["code"] = json!("ISOL8_STOPPED");
    assert_eq!(events, [told]);
    assert_eq!(end, (1011, "The program was ended".to_owned()));
    server.end().await;
}

#[tokio::test]
async fn a_program_that_cannot_be_read_is_told_and_ends_the_connection() {
    let (server, _) = TestServer::scripted([]).await;
    let mut socket = open_socket(&server).await;
    socket
        .send(json!({"type": "execute", "request": {"runtime": 1}}))
        .await;
    let (events, end) = socket.rest().await;
    let text = events[0]["data"].as_str().unwrap();
    assert!(
        text.starts_with("Invalid message: invalid type: integer `1`"),
        "{text}"
    );
    assert_eq!((events.len(), end.0), (1, 1000));
    server.end().await;
}

#[tokio::test]
async fn a_key_that_was_revoked_runs_nothing_on_an_open_connection() {
    let keys = Keys::new().await;
    let (key, id) = keys.issue("a", Duration::from_hours(1)).await;
    let done = || bash(vec![program([isol8_fakes::exited(0)])]);
    let starts = [done(), done()];
    let (server, scripted) = TestServer::scripted_with(&keys.settings(json!({})), starts).await;
    let [used, refused] = [
        open_socket_with(&server, &key).await,
        open_socket_with(&server, &key).await,
    ];
    let request = json!({"runtime": "bash", "code": "x"});
    assert_eq!(used.execute(request.clone()).await.1.0, 1000);
    keys.store.revoke(&id).await.unwrap();
    let (events, end) = refused.execute(request).await;
    let mut told = error("Invalid API key");
    told["code"] = json!("ISOL8_FORBIDDEN");
    assert_eq!(events, [told]);
    assert_eq!(end, (1008, "Invalid API key".to_owned()));
    assert_eq!(scripted.backend.started(), 1);
    server.end().await;
}

#[tokio::test]
async fn a_key_that_cannot_be_checked_runs_nothing_on_an_open_connection() {
    let keys = Keys::new().await;
    let key = keys.of("a").await;
    let starts = [bash(vec![program([isol8_fakes::exited(0)])])];
    let (server, scripted) = TestServer::scripted_with(&keys.settings(json!({})), starts).await;
    let tenant = open_socket_with(&server, &key).await;
    keys.store.close().await.unwrap();
    let request = json!({"runtime": "bash", "code": "x"});
    let (events, end) = tenant.execute(request).await;
    let mut told = error("The key database cannot be used at the moment");
    told["code"] = json!("ISOL8_UNAVAILABLE");
    assert_eq!(events, [told]);
    assert_eq!(end.0, 1013);
    assert_eq!(scripted.backend.started(), 0);
    server.end().await;
}

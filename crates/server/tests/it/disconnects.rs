//! A client that goes away ends its work, however it was connected.

use std::{sync::Arc, time::Duration};

use reqwest::Method;

use crate::support::{Scripted, TestServer, bash, json, open_socket, program, request, until};

/// A server whose only sandbox hangs.
async fn hanging() -> (TestServer, Arc<Scripted>) {
    TestServer::scripted([bash(vec![program([])])]).await
}

async fn until_started(scripted: &Scripted) {
    until("a sandbox is started", async || {
        scripted.backend.started() == 1
    })
    .await;
}

/// The sandbox is destroyed though its program would have gone on.
async fn until_ended(scripted: &Scripted) {
    until("the program is ended", async || {
        scripted.backend.destroyed() == ["box-1"]
    })
    .await;
}

#[tokio::test]
async fn of_a_call() {
    let (server, scripted) = hanging().await;
    let call = server.request(Method::POST, "/execute").json(&request());
    let call = tokio::spawn(call.send());
    until_started(&scripted).await;
    call.abort();
    until_ended(&scripted).await;
    server.end().await;
}

#[tokio::test]
async fn of_server_sent_events() {
    let (server, scripted) = hanging().await;
    let call = server
        .request(Method::POST, "/execute/stream")
        .json(&request());
    let response = call.send().await.unwrap();
    until_started(&scripted).await;
    drop(response);
    until_ended(&scripted).await;
    server.end().await;
}

#[tokio::test]
async fn of_a_web_socket() {
    let (server, scripted) = hanging().await;
    let mut socket = open_socket(&server).await;
    let execute = json!({"type": "execute", "request": request()["request"]});
    socket.send(execute).await;
    until_started(&scripted).await;
    drop(socket);
    until_ended(&scripted).await;
    server.end().await;
}

#[tokio::test]
async fn that_waits_for_its_turn() {
    let (server, scripted) = TestServer::scripted_with(
        &isol8_server::Settings::new(
            crate::support::KEY,
            crate::support::config(json!({"maxConcurrent": 1})),
        ),
        [
            bash(vec![program([])]),
            bash(vec![program([isol8_fakes::exited(0)])]),
        ],
    )
    .await;
    let first = server.request(Method::POST, "/execute").json(&request());
    let first = tokio::spawn(first.send());
    until_started(&scripted).await;
    let waiting = server.request(Method::POST, "/execute").json(&request());
    let waiting = tokio::spawn(waiting.timeout(Duration::from_millis(200)).send());
    assert!(waiting.await.unwrap().unwrap_err().is_timeout());
    first.abort();
    // The one that gave up is not served: the script has one sandbox left.
    let (status, _) = server.post("/execute", request()).await;
    assert_eq!(status, 200);
    server.end().await;
    assert_eq!(scripted.backend.finish().await, ["box-1", "box-2"]);
}

//! The end of a server.

use isol8_fakes::Exchange;
use reqwest::Method;

use crate::support::{TestServer, bash, json, open_socket, program, request, until};

#[tokio::test]
async fn running_work_may_end_and_nothing_new_begins() {
    let (server, scripted) = TestServer::scripted([bash(vec![program([])])]).await;
    let idle = open_socket(&server).await;
    let call = server.request(Method::POST, "/execute").json(&request());
    let call = tokio::spawn(call.send());
    until("it runs", async || scripted.backend.started() == 1).await;
    server.stop.gracefully.cancel();
    let (_, end) = idle.rest().await;
    assert_eq!(end.0, 1001);
    let (status, told) = server.post("/execute", request()).await;
    assert_eq!(
        (status.as_u16(), &told["code"]),
        (503, &json!("ISOL8_UNAVAILABLE"))
    );
    assert!(!call.is_finished());
    server.stop.at_once.cancel();
    let answer = call.await.unwrap().unwrap();
    // It has run in part, so this is not the answer to a request that may be sent again.
    assert_eq!(answer.status(), 500);
    let told: crate::support::Value = answer.json().await.unwrap();
    assert_eq!(told["code"], json!("ISOL8_STOPPED"), "{told}");
    let address = server.address;
    server.ended().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(scripted.backend.finish().await, ["box-1"]);
}

#[tokio::test]
async fn a_stream_that_is_ended_has_no_exit() {
    let (server, scripted) =
        TestServer::scripted([bash(vec![program([isol8_fakes::stdout("x")])])]).await;
    let call = server
        .request(Method::POST, "/execute/stream")
        .json(&request());
    let mut response = call.send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(
        first.starts_with(b"data: {\"type\":\"stdout\""),
        "{first:?}"
    );
    server.stop.at_once.cancel();
    while let Ok(Some(more)) = response.chunk().await {
        assert!(!String::from_utf8_lossy(&more).contains("exit"), "{more:?}");
    }
    server.ended().await;
    scripted.backend.finish().await;
}

#[tokio::test]
async fn sessions_end_with_their_server() {
    let call = Exchange::new("call /sandbox/main.sh", [isol8_fakes::exited(0)]);
    let (server, scripted) = TestServer::scripted([bash(vec![call])]).await;
    let mut body = request();
    body["sessionId"] = json!("a");
    body["options"] = json!({"installNetwork": false});
    server.post("/execute", body).await;
    server.end().await;
    assert_eq!(scripted.backend.finish().await, ["box-1"]);
}

#[tokio::test]
async fn a_drained_server_finishes_what_runs_and_takes_nothing_new() {
    let call = |answer| Exchange::new("call /sandbox/main.sh", answer);
    let script = vec![call(vec![isol8_fakes::exited(0)]), call(vec![])];
    let (server, scripted) = TestServer::scripted([bash(script)]).await;
    let mut body = request();
    body["sessionId"] = json!("a");
    body["options"] = json!({"installNetwork": false});
    server.post("/execute", body.clone()).await;
    let running = server.request(Method::POST, "/execute").json(&body);
    let running = tokio::spawn(running.send());
    until("it runs", async || {
        server.get("/queue/status").await.1["available"] == json!(9)
    })
    .await;
    let (status, answer) = server.post("/drain", json!({})).await;
    assert_eq!((status.as_u16(), &answer["available"]), (200, &json!(9)));
    for path in ["/execute", "/execute/stream"] {
        let (status, answer) = server.post(path, request()).await;
        assert_eq!(
            (status.as_u16(), &answer["code"]),
            (503, &json!("ISOL8_UNAVAILABLE"))
        );
    }
    assert_eq!(server.get("/ready").await.0, 503);
    assert_eq!(server.get("/health").await.0, 200);
    assert!(!running.is_finished());
    running.abort();
    until("it has ended", async || {
        server.get("/queue/status").await.1["available"] == json!(10)
    })
    .await;
    server.end().await;
    scripted.backend.finish().await;
}

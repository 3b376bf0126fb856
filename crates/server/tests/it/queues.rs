//! Requests that wait for their turn.

use std::sync::atomic::Ordering;

use isol8_fakes::exited;
use isol8_server::Settings;
use reqwest::{Method, Response};

use crate::support::{
    KEY, Scripted, TestServer, Value, bash, config, events_of, json, open_socket, program, request,
    until,
};

fn settings(queue: Value) -> Settings {
    Settings::new(KEY, config(json!({"maxConcurrent": 1, "queue": queue})))
}

async fn started(scripted: &Scripted) {
    until("a sandbox is started", async || {
        scripted.backend.started() == 1
    })
    .await;
}

async fn pending(server: &TestServer, count: usize) {
    until("they wait", async || {
        server.get("/queue/status").await.1["pending"] == json!(count)
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_is_429_on_every_way_in_and_those_that_wait_are_served() {
    let starts = [bash(vec![program([])]), bash(vec![program([exited(0)])])];
    let settings = settings(json!({"maxSize": 1, "timeoutMs": 60000}));
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let status = json!({
        "available": 1, "pending": 0, "maxConcurrent": 1, "maxSize": 1, "timeoutMs": 60000,
    });
    assert_eq!(server.get("/queue/status").await.1, status);
    let call = || server.request(Method::POST, "/execute").json(&request());
    let first = tokio::spawn(call().send());
    started(&scripted).await;
    let second = tokio::spawn(call().send());
    pending(&server, 1).await;
    let text = "Too many requests — queue is full";
    for path in ["/execute", "/execute/stream"] {
        let refused: Response = server
            .request(Method::POST, path)
            .json(&request())
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 429, "{path}");
        assert_eq!(refused.headers()["retry-after"], "1");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(
            body,
            json!({"error": text, "code": "ISOL8_TOO_MANY_REQUESTS"})
        );
    }
    let (events, _) = open_socket(&server)
        .await
        .execute(request()["request"].clone())
        .await;
    let refusal = json!({"type": "error", "data": text, "code": "ISOL8_TOO_MANY_REQUESTS"});
    assert_eq!(events, [refusal]);
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(server.get("/queue/status").await.1, status);
    server.end().await;
}

#[tokio::test]
async fn one_that_waits_too_long_is_408() {
    let starts = [bash(vec![program([])])];
    let settings = settings(json!({"timeoutMs": 20}));
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let first = server.request(Method::POST, "/execute").json(&request());
    let first = tokio::spawn(first.send());
    started(&scripted).await;
    let late: Response = server
        .request(Method::POST, "/execute")
        .json(&request())
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 408);
    assert_eq!(late.headers()["retry-after"], "1");
    let body: Value = late.json().await.unwrap();
    let text = "Request timed out waiting in queue after 20ms";
    assert_eq!(
        body,
        json!({"error": text, "code": "ISOL8_TOO_MANY_REQUESTS"})
    );
    first.abort();
    server.end().await;
}

#[tokio::test]
async fn those_that_wait_have_no_engine() {
    let starts = [bash(vec![program([])])];
    let settings = settings(json!({"timeoutMs": 60000}));
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let first = server.request(Method::POST, "/execute").json(&request());
    let first = tokio::spawn(first.send());
    started(&scripted).await;
    let waiting: Vec<_> = (1..=3)
        .map(|pids| {
            let mut body = request();
            body["options"] = json!({"pidsLimit": pids});
            tokio::spawn(server.request(Method::POST, "/execute").json(&body).send())
        })
        .collect();
    pending(&server, 3).await;
    assert_eq!(scripted.given.load(Ordering::Relaxed), 2);
    for call in waiting {
        call.abort();
    }
    pending(&server, 0).await;
    first.abort();
    server.end().await;
}

#[tokio::test]
async fn calls_of_one_session_that_wait_for_each_other_leave_the_turns_to_others() {
    let call = |answer| isol8_fakes::Exchange::new("call /sandbox/main.sh", answer);
    let session = bash(vec![call(vec![])]);
    let starts = [session, bash(vec![program([exited(0)])])];
    let settings = Settings::new(KEY, config(json!({"maxConcurrent": 2})));
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let mut body = request();
    body["sessionId"] = json!("a");
    body["options"] = json!({"installNetwork": false});
    let in_session = || server.request(Method::POST, "/execute").json(&body);
    let waiting: Vec<_> = (0..4).map(|_| tokio::spawn(in_session().send())).collect();
    started(&scripted).await;
    pending(&server, 3).await;
    let events = events_of(&server, request()).await;
    assert_eq!(
        events,
        [json!({"type": "exit", "data": "0", "phase": "code"})]
    );
    for call in waiting {
        call.abort();
    }
    server.stop.at_once.cancel();
    server.ended().await;
}

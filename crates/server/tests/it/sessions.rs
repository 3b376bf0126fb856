//! Sessions, their files and clean-ups, over scripted guests.

use std::{sync::atomic::Ordering, time::Duration};

use isol8_fakes::{Exchange, exited, stdout};
use isol8_protocol::{Reply, encode_message};
use isol8_server::Settings;
use reqwest::Method;

use crate::support::{KEY, TestServer, Value, bash, config, in_session, json, until};

fn call(output: &str) -> Exchange {
    Exchange::new("call /sandbox/main.sh", [stdout(output), exited(0)])
}

#[tokio::test]
async fn simultaneous_first_requests_make_one_session() {
    let script = (0..5).map(|_| call("1\n")).collect();
    let (server, scripted) = TestServer::scripted([bash(script)]).await;
    let calls = (0..5).map(|_| server.post("/execute", in_session("a b/c")));
    for (status, result) in futures::future::join_all(calls).await {
        assert_eq!(
            (status.as_u16(), &result["containerId"]),
            (200, &json!("box-1"))
        );
    }
    let (_, list) = server.get("/sessions").await;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(
        (&sessions[0]["id"], &sessions[0]["isActive"]),
        (&json!("a b/c"), &json!(false))
    );
    assert!(
        sessions[0]["lastAccessedAt"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let gone = server.delete("/session/a%20b%2Fc").await;
    assert_eq!(gone, (reqwest::StatusCode::OK, json!({"ok": true})));
    assert_eq!(server.get("/sessions").await.1, json!({"sessions": []}));
    assert_eq!(scripted.backend.destroyed(), ["box-1"]);
    server.end().await;
    scripted.backend.finish().await;
}

#[tokio::test]
async fn files_need_a_session() {
    let script = vec![
        call("1\n"),
        Exchange::new("write /sandbox/x", [encode_message(&Reply::Done).unwrap()]),
    ];
    let (server, _) = TestServer::scripted([bash(script)]).await;
    let upload = |id: &str| json!({"sessionId": id, "path": "/sandbox/x", "content": "eA=="});
    let (status, answer) = server.post("/file", upload("a")).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]),
        (404, &json!("Session not found"))
    );
    assert_eq!(server.get("/file?sessionId=a&path=x").await.0, 404);
    for query in [
        "/file",
        "/file?sessionId=a",
        "/file?path=x",
        "/file?sessionId=&path=",
    ] {
        let (status, answer) = server.get(query).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (400, &json!("Missing sessionId or path"))
        );
    }
    server.post("/execute", in_session("a")).await;
    let (status, answer) = server.post("/file", upload("a")).await;
    assert_eq!((status.as_u16(), answer), (200, json!({"ok": true})));
    let bad = json!({"sessionId": "a", "path": "/sandbox/x", "content": "%"});
    assert_eq!(server.post("/file", bad).await.0, 400);
    let (status, answer) = server.post("/file", json!({"path": "x"})).await;
    assert_eq!(status, 400);
    assert!(
        answer["error"].as_str().unwrap().contains("sessionId"),
        "{answer}"
    );
    server.end().await;
}

#[tokio::test]
async fn ids_are_checked_wherever_they_come() {
    let (server, _) = TestServer::scripted([]).await;
    let long = "x".repeat(257);
    for id in ["a\nb", "\u{7f}", long.as_str()] {
        assert_eq!(
            server.post("/execute", in_session(id)).await.0,
            400,
            "{id:?}"
        );
        let upload = json!({"sessionId": id, "path": "x", "content": ""});
        assert_eq!(server.post("/file", upload).await.0, 400, "{id:?}");
    }
    assert_eq!(server.delete("/session/a%0Ab").await.0, 400);
    let (status, answer) = server.delete("/session/%FF").await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (400, &json!("ISOL8_INVALID_REQUEST"))
    );
    assert_eq!(server.get("/file?sessionId=a%0A&path=x").await.0, 400);
    assert_eq!(server.delete("/session/unknown").await.0, 200);
    server.end().await;
}

#[tokio::test]
async fn a_lost_sandbox_is_told_once_and_the_session_starts_afresh() {
    let lost = vec![call("1\n"), Exchange::death("call /sandbox/main.sh")];
    let (server, scripted) = TestServer::scripted([bash(lost), bash(vec![call("2\n")])]).await;
    assert_eq!(server.post("/execute", in_session("a")).await.0, 200);
    let (status, answer) = server.post("/execute", in_session("a")).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (410, &json!("ISOL8_SANDBOX_LOST"))
    );
    let (status, result) = server.post("/execute", in_session("a")).await;
    assert_eq!((status.as_u16(), &result["stdout"]), (200, &json!("2")));
    assert_eq!(result["sessionReset"], json!("sandbox-lost"));
    server.end().await;
    scripted.backend.finish().await;
}

#[tokio::test]
async fn ids_that_are_pruned_or_deleted_start_afresh() {
    let hangs = Exchange::new("call /sandbox/main.sh", [stdout("up\n")]);
    let settings = Settings::new(KEY, config(json!({"cleanup": {"maxContainerAgeMs": 1}})));
    let starts = ["1\n", "2\n", "3\n"].map(|output| bash(vec![call(output)]));
    let [idle, second, third] = starts;
    let starts = [idle, bash(vec![hangs]), second, third];
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let run = async || {
        let (status, result) = server.post("/execute", in_session("idle")).await;
        assert_eq!(status, 200, "{result}");
        (result["containerId"].clone(), result["stdout"].clone())
    };
    assert_eq!(run().await, (json!("box-1"), json!("1")));
    let mut endless = in_session("busy");
    endless["request"]["timeoutMs"] = json!(86_400_000);
    let busy = server.request(Method::POST, "/execute/stream");
    let busy = busy.timeout(Duration::from_hours(24)).json(&endless);
    let busy = busy.send().await.unwrap();
    until("a program runs", async || scripted.backend.started() == 2).await;
    // Sessions are looked at once a minute.
    for _ in 0..100 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
        tokio::time::sleep(Duration::from_millis(10)).await;
        if !scripted.backend.destroyed().is_empty() {
            break;
        }
    }
    assert_eq!(scripted.backend.destroyed(), ["box-1"]);
    let (_, list) = server.get("/sessions").await;
    let ids: Vec<_> = list["sessions"].as_array().unwrap().iter().collect();
    assert_eq!(
        (ids.len(), &ids[0]["id"], &ids[0]["isActive"]),
        (1, &json!("busy"), &json!(true))
    );
    assert_eq!(run().await, (json!("box-3"), json!("2")));
    assert_eq!(server.delete("/session/idle").await.0, 200);
    assert_eq!(run().await, (json!("box-4"), json!("3")));
    drop(busy);
    server.end().await;
}

#[tokio::test]
async fn a_session_keeps_the_options_of_its_first_request() {
    let (server, _) = TestServer::scripted([bash(vec![call("1\n"), call("2\n")])]).await;
    let mut first = in_session("a");
    first["options"]["secrets"] = json!({"KEY": "1"});
    let (_, result) = server.post("/execute", first).await;
    assert_eq!(result["stdout"], json!("***"));
    let mut second = in_session("a");
    second["options"]["secrets"] = json!({"KEY": "2"});
    let (_, result) = server.post("/execute", second).await;
    assert_eq!(result["stdout"], json!("2"));
    server.end().await;
}

#[tokio::test]
async fn simultaneous_clean_ups_are_one() {
    let (server, scripted) = TestServer::scripted([bash(vec![call("1\n")])]).await;
    server.post("/execute", in_session("a")).await;
    let cleanup = || {
        server
            .request(Method::POST, "/cleanup")
            .json(&json!({"images": false}))
    };
    let first = tokio::spawn(cleanup().send());
    // The first one has ended the session, and waits for the containers.
    until("the sandbox is gone", async || {
        scripted.backend.destroyed() == ["box-1"]
    })
    .await;
    let second = tokio::spawn(cleanup().send());
    let third = tokio::spawn(cleanup().timeout(Duration::from_millis(100)).send());
    assert!(third.await.unwrap().is_err());
    scripted.may_clean.add_permits(1);
    let report = |removed: u64| json!({"removed": removed, "failed": 0, "errors": []});
    let expected = json!({"ok": true, "sessions": report(1), "containers": report(0)});
    for call in [first, second] {
        let answer: Value = call.await.unwrap().unwrap().json().await.unwrap();
        assert_eq!(answer, expected);
    }
    assert_eq!(scripted.cleanups.load(Ordering::Relaxed), 1);
    server.end().await;
}

//! Answers that are none, are cut, or come from a server of version 0.20.

use isol8_api::result::ExecutionResult;
use isol8_client::RemoteClient;

use crate::support::{Answer, Plain, body, json_answer, stream};

#[tokio::test]
async fn an_answer_that_is_no_object_or_is_cut_is_an_error_of_the_call() {
    let whole = "HTTP/1.1 200 x\r\nContent-Length: 99\r\n\r\n{";
    for (answer, reason) in [
        (
            json_answer(200, "<html>"),
            "the server's answer is no JSON object",
        ),
        (
            json_answer(200, "[]"),
            "the server's answer is no JSON object",
        ),
        (
            json_answer(200, "{\"a\":}"),
            "the server's answer is no JSON object",
        ),
        (Answer::Bytes(whole.into()), ""),
    ] {
        let paths = ["GET /file", "GET /sessions", "POST /execute"];
        let answers = paths.map(|path| (path, answer.clone()));
        let server = Plain::start(answers, None).await;
        let client = RemoteClient::new(&server.host, "k").unwrap();
        for (error, failure) in [
            (
                client.execute(&body(None)).await.unwrap_err(),
                "Execution failed: ",
            ),
            (
                client.get_file("s", "/a").await.unwrap_err(),
                "File download failed: ",
            ),
            (
                client.list_sessions().await.unwrap_err(),
                "Failed to list sessions: ",
            ),
        ] {
            assert!(
                error.to_string().starts_with(&format!("{failure}{reason}")),
                "{error}"
            );
            assert_eq!(error.code(), "ISOL8_REMOTE");
        }
    }
}

#[tokio::test]
async fn an_answer_without_its_part_is_an_error() {
    let answers = ["GET /file", "GET /sessions"].map(|path| (path, json_answer(200, "{}")));
    let server = Plain::start(answers, None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    assert_eq!(
        client.get_file("s", "/a").await.unwrap_err().to_string(),
        "File download failed: the answer has no content"
    );
    assert_eq!(
        client.list_sessions().await.unwrap_err().to_string(),
        "Failed to list sessions: the answer has no sessions"
    );
}

#[tokio::test]
async fn errors_have_the_server_s_words_or_its_status() {
    for (answer, message, code) in [
        (
            json_answer(500, r#"{"error":"none left","code":"ISOL8_NO_SPACE"}"#),
            "none left",
            "ISOL8_NO_SPACE",
        ),
        (
            json_answer(500, r#"{"error":"no","code":"<script>"}"#),
            "no",
            "ISOL8_REMOTE",
        ),
        (
            json_answer(500, r#"{"error":"no","code":7}"#),
            "no",
            "ISOL8_REMOTE",
        ),
        (
            json_answer(502, "<html>bad gateway"),
            "HTTP 502",
            "ISOL8_REMOTE",
        ),
        (
            json_answer(503, r#"{"error":""}"#),
            "HTTP 503",
            "ISOL8_REMOTE",
        ),
    ] {
        let server = Plain::start([("POST /execute", answer)], None).await;
        let client = RemoteClient::new(&server.host, "k").unwrap();
        let error = client.execute(&body(None)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("Execution failed: {message}"));
        assert_eq!(error.code(), code);
    }
}

#[tokio::test]
async fn a_server_that_is_not_well_or_not_there_is_told() {
    let server = Plain::start([("GET /health", json_answer(503, "{}"))], None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    assert_eq!(
        client.health().await.unwrap_err().to_string(),
        "Remote server health check failed: 503"
    );
    let nowhere = RemoteClient::new("http://127.0.0.1:1", "hunter2").unwrap();
    let error = nowhere.health().await.unwrap_err().to_string();
    assert!(
        error.starts_with("Remote server health check failed: "),
        "{error}"
    );
    let told = stream(&nowhere, &body(None)).await;
    let error = told.end.unwrap_err().to_string();
    assert!(error.starts_with("Stream failed: "), "{error}");
    assert!(!error.contains("hunter2"));
}

/// Without `code`, `termination` and `result`, with events that have no phase.
#[tokio::test]
async fn a_server_of_version_0_20_is_understood() {
    let result = r#"{"stdout":"o","stderr":"","exitCode":0,"durationMs":5,"truncated":false,
        "executionId":"e","runtime":"bash","timestamp":"t"}"#;
    let events = concat!(
        "data: {\"type\":\"stdout\",\"data\":\"o\"}\n\n",
        "data: {\"type\":\"error\",\"data\":\"EXECUTION TIMED OUT\"}\n\n",
        "data: {\"type\":\"exit\",\"data\":\"137\"}\n\n",
    );
    let sse = format!("HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\n\r\n{events}");
    let answers = [
        ("POST /execute/stream", Answer::Bytes(sse.into())),
        ("POST /execute", json_answer(200, result)),
    ];
    let server = Plain::start(answers, None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    let read: ExecutionResult = client.execute(&body(None)).await.unwrap().read().unwrap();
    assert_eq!((&*read.stdout, read.termination), ("o", None));
    let told = stream(&client, &body(None)).await;
    told.end.unwrap();
    let texts: Vec<_> = told.events.iter().map(|event| &*event.data).collect();
    assert_eq!(texts, ["o", "EXECUTION TIMED OUT", "137"]);
    assert_eq!(told.result, None);
    stream(&client, &body(None)).await.end.unwrap();
    let asked = server.asked();
    let sockets = asked
        .iter()
        .filter(|head| head.starts_with("GET /execute/ws"));
    assert_eq!(
        sockets.count(),
        1,
        "a server without WebSocket is remembered"
    );
}

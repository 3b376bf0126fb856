//! Redirects: within the origin only.

use isol8_client::RemoteClient;

use crate::support::{Answer, Plain, body, json_answer, stream};

fn to(status: u16, location: &str) -> Answer {
    let head = format!(
        "HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    Answer::Bytes(head.into())
}

#[tokio::test]
async fn another_origin_gets_nothing() {
    let elsewhere = Plain::start([], None).await;
    for status in [301, 302, 303, 307, 308] {
        let away = to(status, &format!("{}/x", elsewhere.host));
        let answers = ["GET /", "POST /", "DELETE /"].map(|start| (start, away.clone()));
        let server = Plain::start(answers, None).await;
        let client = RemoteClient::new(&server.host, "hunter2").unwrap();
        let errors = [
            client.health().await.unwrap_err(),
            client.execute(&body(None)).await.unwrap_err(),
            stream(&client, &body(None)).await.end.unwrap_err(),
            client.list_sessions().await.unwrap_err(),
            client.delete_session("s").await.unwrap_err(),
            client.put_file("s", "/a", b"secret").await.unwrap_err(),
            client.get_file("s", "/a").await.unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            let expected = format!("another origin, {}, which is refused", elsewhere.host);
            assert!(
                text.contains(&expected) && !text.contains("hunter2"),
                "{text}"
            );
        }
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn the_same_origin_is_followed_and_not_without_end() {
    let answers = [
        ("POST /execute ", to(307, "/v2/execute")),
        ("POST /v2/execute", json_answer(200, r#"{"stdout":"x"}"#)),
        ("GET /sessions", to(302, "sessions")),
        ("DELETE /session/s", to(303, "/gone")),
        ("GET /gone", json_answer(200, r#"{"ok":true}"#)),
    ];
    let server = Plain::start(answers, None).await;
    let client = RemoteClient::new(&server.host, "k-1").unwrap();
    let answer = client.execute(&body(None)).await.unwrap();
    assert_eq!(answer.into_json(), r#"{"stdout":"x"}"#);
    let repeated = server.asked()[1].to_lowercase();
    assert!(repeated.contains("authorization: bearer k-1"), "{repeated}");
    assert!(
        repeated.contains("content-type: application/json"),
        "{repeated}"
    );
    client.delete_session("s").await.unwrap();
    assert_eq!(
        client.list_sessions().await.unwrap_err().to_string(),
        "Failed to list sessions: the server redirects more than 5 times"
    );
}

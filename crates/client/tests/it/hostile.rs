//! Servers that send without end.

use isol8_client::RemoteClient;

use crate::support::{Answer, PATIENCE, Plain, body, stream};

#[tokio::test]
async fn a_server_that_sends_without_end_fills_no_memory() {
    let endless = |status: u16, piece: &str| {
        let head = format!("HTTP/1.1 {status} x\r\nContent-Type: text/event-stream\r\n\r\n");
        Answer::Endless(head.into(), piece.as_bytes().to_vec())
    };
    let long = "x".repeat(65_536);
    let server = Plain::start([("POST /execute", endless(500, &long))], None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    let error = client.execute(&body(None)).await.unwrap_err();
    assert_eq!(error.to_string(), "Execution failed: HTTP 500");
    for piece in [&*long, &"data: xxxxxxxxx\n".repeat(4096)] {
        let server = Plain::start([("POST /execute/stream", endless(200, piece))], None).await;
        let client = RemoteClient::new(&server.host, "k").unwrap();
        let error = stream(&client, &body(None)).await.end.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Stream failed: the server sent an event without an end"
        );
    }
}

#[tokio::test]
async fn a_long_message_of_a_websocket_is_an_error() {
    let long = "x".repeat(17 * 1024 * 1024);
    let event = format!(r#"{{"type":"stdout","data":"{long}"}}"#);
    let server = Plain::start([], Some(vec![event])).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    let error = stream(&client, &body(None)).await.end.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Stream failed: the server sent an event without an end"
    );
}

/// More events than may wait: the server is slowed down, and nothing is lost.
#[tokio::test]
async fn a_slow_consumer_gets_everything() {
    let event = format!(
        r#"{{"type":"stdout","data":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    let mut events = vec![event; 80];
    events.push(r#"{"type":"exit","data":"0"}"#.to_owned());
    let server = Plain::start([], Some(events)).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    let mut stream = client.stream(&body(None), None).unwrap();
    let mut count = 0;
    loop {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
        let Some(_) = next.unwrap() else { break };
        if count == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        count += 1;
    }
    assert_eq!(count, 81);
}

#[tokio::test]
async fn a_call_can_be_given_up_while_the_server_is_silent() {
    let silent = [
        ("GET /execute/ws", Answer::Silence),
        ("POST /execute", Answer::Silence),
    ];
    let server = Plain::start(silent, None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    drop(client.stream(&body(None), None).unwrap());
    let short = std::time::Duration::from_millis(100);
    assert!(
        tokio::time::timeout(short, client.execute(&body(None)))
            .await
            .is_err()
    );
}

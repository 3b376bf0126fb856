//! Clients that keep to no protocol, or to none that is any use to them. Others are served meanwhile.

use std::time::Duration;

use isol8_server::Settings;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{KEY, TestServer, config, json, until};

/// Longer than anything here takes, also where the clock is put forward.
const PATIENCE: Duration = Duration::from_mins(10);

/// Sends the head of a request with the master key.
async fn head(server: &TestServer, line: &str, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What the server sends until it ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A connection that is reset has ended, too.
    let _ = ended.expect("the connection goes on");
    rest
}

/// Opens a WebSocket and leaves everything that follows to the test.
async fn upgraded(server: &TestServer) -> TcpStream {
    let fields = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                  sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                  sec-websocket-extensions: permessage-deflate\r\n";
    let mut stream = head(server, "GET /execute/ws", fields).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(!answer.contains("permessage-deflate"), "{answer}");
    stream
}

/// Whether the server holds nothing that clients have sent.
async fn holds_nothing(server: &TestServer) -> bool {
    let metrics = server.request(Method::GET, "/metrics").send().await;
    let text = metrics.unwrap().text().await.unwrap();
    text.lines().any(|line| line == "isol8_held_bytes 0")
}

#[tokio::test]
async fn frames_that_no_client_may_send_end_their_connection_and_nothing_else() {
    let (server, _) = TestServer::scripted([]).await;
    let mask = [1, 2, 3, 4];
    let huge = [&[0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0][..], &mask].concat();
    let long_ping = [&[0x89, 0xfe, 0, 126][..], &mask, &[0; 126]].concat();
    for (what, frame) in [
        ("compressed", [&[0xc1, 0x80][..], &mask].concat()),
        ("without a mask", vec![0x81, 0x01, b'x']),
        ("of an exabyte", huge),
        ("of an unknown kind", [&[0x83, 0x80][..], &mask].concat()),
        ("a ping that is too long", long_ping),
        ("a part of nothing", [&[0x80, 0x80][..], &mask].concat()),
    ] {
        let mut stream = upgraded(&server).await;
        stream.write_all(&frame).await.unwrap();
        let rest = rest(&mut stream).await;
        let said = String::from_utf8_lossy(&rest);
        assert!(!said.contains("exit"), "{what}: {said}");
        assert_eq!(server.get("/sessions").await.0, 200, "{what}");
    }
    until("nothing is held", async || holds_nothing(&server).await).await;
    server.end().await;
}

#[tokio::test]
async fn a_web_socket_that_answers_no_ping_ends_after_three() {
    let settings = Settings::new(KEY, config(json!({})));
    assert!(settings.keep_alive <= Duration::from_secs(15));
    let settings = Settings {
        keep_alive: Duration::from_millis(20),
        ..settings
    };
    let (server, _) = TestServer::scripted_with(&settings, []).await;
    let mut stream = upgraded(&server).await;
    assert_eq!(rest(&mut stream).await, [0x89, 0].repeat(3));
    server.end().await;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let (server, _) = TestServer::scripted([]).await;
    for fields in ["transfer-encoding: chunked\r\n", "content-length: 1000\r\n"] {
        let mut stream = head(&server, "POST /execute", fields).await;
        stream.write_all(b"5\r\n{\"req\r\n").await.unwrap();
        until("a part is there", async || !holds_nothing(&server).await).await;
        let answer = tokio::spawn(async move { rest(&mut stream).await });
        for _ in 0..100 {
            if answer.is_finished() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(16)).await;
            tokio::time::resume();
        }
        let answer = String::from_utf8(answer.await.unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    server.end().await;
}

//! Answers from upstream, upgrades, and invalid answers.

use crate::support::{Client, Play, Recorder, eventually, lenient, local_names, proxy, sorted};
use tokio::net::TcpListener;

#[tokio::test]
async fn answers_lose_hop_fields_and_contradicting_fields() {
    for (play, expected) in [
        (
            "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
             Proxy-Authenticate: Basic\r\nX-Kept: 1\r\nContent-Length: 1\r\n\r\na",
            "HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 1\r\n\r\na",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\na\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
    ] {
        let recorder = Recorder::start(Play::Http(play.into())).await;
        let mut client = Client::asking(recorder.port()).await;
        let mut answer = client.head().await;
        if answer.contains("chunked") {
            answer += &String::from_utf8(client.exactly(11).await).unwrap();
        } else if !answer.contains(" 204 ") {
            answer += &String::from_utf8(client.exactly(1).await).unwrap();
        }
        assert_eq!(sorted(&answer), sorted(expected));
    }
}

#[tokio::test]
async fn an_unrequested_upgrade_is_refused() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let recorder = Recorder::start(Play::Http(switch.into())).await;
    let proxy = proxy(lenient(), local_names());
    for fields in [
        "",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    ] {
        let mut client = Client::connect(&proxy);
        let port = recorder.port();
        client
            .send(format!(
                "GET http://allowed.test:{port}/ HTTP/1.1\r\n{fields}\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn continue_is_sent_only_when_the_request_is_forwarded() {
    let recorder = Recorder::start(Play::Silent).await;
    let proxy = proxy(lenient(), local_names());
    let port = recorder.port();
    let head = |host: &str| {
        format!(
            "POST http://{host}:{port}/ HTTP/1.1\r\nExpect: 100-continue\r\n\
             Content-Length: 5\r\n\r\n"
        )
    };
    let mut client = Client::connect(&proxy);
    client.send(head("allowed.test")).await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    eventually("the body arrives", || recorder.text().ends_with("hello")).await;
    assert!(!recorder.text().to_lowercase().contains("expect"));
    let mut client = Client::connect(&proxy);
    client.send(head("denied.test")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn websockets_over_plain_http() {
    let accept = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\
                  Sec-WebSocket-Accept: x\r\n\r\nearly";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(accept.as_bytes()).await.unwrap();
        let mut frame = [0; 4];
        stream.read_exact(&mut frame).await.unwrap();
        stream.write_all(&frame).await.unwrap();
        // The end of the client arrives, and the server can still send.
        assert_eq!(stream.read(&mut frame).await.unwrap(), 0);
        stream.write_all(b"late").await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    client
        .send(format!(
            "GET http://allowed.test:{port}/chat HTTP/1.1\r\nHost: denied.test\r\n\
             Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: y\r\n\r\n"
        ))
        .await;
    let head = client.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("upgrade: websocket\r\n") && head.contains("sec-websocket-accept: x"));
    assert_eq!(client.exactly(5).await, b"early");
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, b"ping");
    client.finish().await;
    assert_eq!(client.rest().await, "late");
    let seen = server.await.unwrap().to_lowercase();
    assert!(
        seen.contains(&format!("host: allowed.test:{port}\r\n")),
        "{seen}"
    );
    assert!(seen.contains("connection: upgrade\r\n") && seen.contains("upgrade: websocket\r\n"));
}

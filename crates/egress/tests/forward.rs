//! What leaves for an allowed host, and what comes back: plain HTTP.

#[cfg(test)]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isol8_egress::{Action, Limits, Policy, Proxy, RunLog};
use support::{Client, Play, Recorder, Scripted, eventually, lenient, local_names, ok, proxy};
use tokio::net::TcpListener;

/// Sends one request for `{port}` and returns what the server saw, and the answer.
async fn exchange(request: &str) -> (String, String) {
    let recorder = Recorder::start(ok("hello")).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    client
        .send(request.replace("{port}", &recorder.port().to_string()))
        .await;
    let answer = client.answer().await;
    client.done().await;
    let seen = recorder
        .text()
        .replace(&recorder.port().to_string(), "{port}");
    (seen, answer)
}

#[tokio::test]
async fn what_leaves_is_what_was_judged() {
    let host = "Host: allowed.test:{port}\r\n";
    for (request, leaves) in [
        (
            "GET http://allowed.test:{port}/a?b=c HTTP/1.1\r\nHost: denied.test\r\nX-A: 1\r\n\r\n",
            format!("GET /a?b=c HTTP/1.1\r\n{host}X-A: 1\r\n\r\n"),
        ),
        (
            "GET http://ALLOWED.test.:{port} HTTP/1.1\r\n\r\n",
            format!("GET / HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "GET http://allowed.test:{port}#@denied.test/ HTTP/1.1\r\n\r\n",
            format!("GET / HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "GET http://allowed.test:{port}?q=1 HTTP/1.1\r\n\r\n",
            format!("GET /?q=1 HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "GET http://allowed.test:{port}/http://denied.test/ HTTP/1.1\r\n\r\n",
            format!("GET /http://denied.test/ HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "GET http://allowed.test:{port}/ HTTP/1.0\r\n\r\n",
            format!("GET / HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "GET http://allowed.test:{port}/ HTTP/1.1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
             Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\n\
             TE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
            format!("GET / HTTP/1.1\r\n{host}HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"),
        ),
        (
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nContent-Length: 005\r\n\r\nhello",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        ),
        (
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nContent-Length: 5\r\n\
             Content-Length: 5\r\n\r\nhello",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        ),
        (
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-T\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
            format!(
                "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n\
                 3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            ),
        ),
        // Both framings: the chunks count, and only they leave.
        (
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nContent-Length: 3\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            format!(
                "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n"
            ),
        ),
        (
            "GET http://allowed.test:{port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n",
            format!(
                "GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n"
            ),
        ),
        // Bare line feeds are read as line ends, and are none any more when they leave.
        (
            "GET http://allowed.test:{port}/ HTTP/1.1\nX: 1\n\n",
            format!("GET / HTTP/1.1\r\n{host}X: 1\r\n\r\n"),
        ),
        (
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nConnection: content-length, host\r\n\
             Content-Length: 5\r\n\r\nhello",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        ),
    ] {
        let (seen, answer) = exchange(request).await;
        assert!(
            answer.contains(" 200 OK\r\n") && answer.ends_with("hello"),
            "{request}: {answer}"
        );
        assert_eq!(sorted(&seen), sorted(&leaves), "{request}");
    }
}

/// A message with its fields in a canonical order and spelling.
fn sorted(message: &str) -> (String, Vec<String>, String) {
    let (head, body) = message
        .split_once("\r\n\r\n")
        .unwrap_or((message, "(no end)"));
    let mut lines = head.split("\r\n").map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let mut fields: Vec<String> = lines
        .map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
            None => line,
        })
        .collect();
    fields.sort();
    (first, fields, body.to_owned())
}

#[tokio::test]
async fn a_request_hidden_in_a_body_stays_a_body() {
    let hidden = "GET http://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n";
    let recorder = Recorder::start(Play::Silent).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    let port = recorder.port();
    client
        .send(format!(
            "POST http://allowed.test:{port}/ HTTP/1.1\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        ))
        .await;
    eventually("the body arrives", || recorder.text().ends_with(hidden)).await;
    assert_eq!(client.run.snapshot().entries.len(), 1);
    drop(client);
    eventually("the connection ends with its client", || {
        recorder.ended() == 1
    })
    .await;
}

#[tokio::test]
async fn pipelined_requests_are_each_judged() {
    let recorder = Recorder::start(ok("a")).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    let port = recorder.port();
    client
        .send(format!(
            "POST http://allowed.test:{port}/1 HTTP/1.1\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
             GET http://denied.test:{port}/2 HTTP/1.1\r\n\r\n\
             GET http://allowed.test:{port}/3 HTTP/1.1\r\n\r\n"
        ))
        .await;
    for status in ["200", "403", "200"] {
        let answer = client.answer().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert!(!recorder.text().contains("/2"));
    let actions: Vec<_> = client
        .run
        .snapshot()
        .entries
        .iter()
        .map(|e| e.action)
        .collect();
    assert_eq!(actions, [Action::Allow, Action::Block, Action::Allow]);
}

#[tokio::test]
async fn nothing_is_read_after_a_request_with_two_framings() {
    let recorder = Recorder::start(ok("a")).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    let port = recorder.port();
    client
        .send(format!(
            "POST http://allowed.test:{port}/1 HTTP/1.1\r\nContent-Length: 3\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
             GET http://allowed.test:{port}/2 HTTP/1.1\r\n\r\n"
        ))
        .await;
    let answer = client.rest().await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(!recorder.text().contains("/2"));
}

#[tokio::test]
async fn an_upstream_connection_is_kept_for_one_client_and_one_host() {
    let recorder = Recorder::start(ok("a")).await;
    let names = local_names();
    let proxy = proxy(lenient(), names.clone());
    let port = recorder.port();
    let mut client = Client::connect(&proxy);
    for _ in 0..3 {
        client
            .send(format!("GET http://allowed.test:{port}/ HTTP/1.1\r\n\r\n"))
            .await;
        assert!(client.answer().await.ends_with('a'));
    }
    assert_eq!((recorder.connections(), names.asked().len()), (1, 1));
    client
        .send(format!("GET http://also.test:{port}/ HTTP/1.1\r\n\r\n"))
        .await;
    assert!(client.answer().await.ends_with('a'));
    assert_eq!((recorder.connections(), names.asked().len()), (2, 2));
    let mut other = Client::connect(&proxy);
    other
        .send(format!("GET http://also.test:{port}/ HTTP/1.1\r\n\r\n"))
        .await;
    assert!(other.answer().await.ends_with('a'));
    assert_eq!(recorder.connections(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(&answer).await.unwrap();
        }
    });
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    for _ in 0..3 {
        client
            .send(format!("GET http://allowed.test:{port}/ HTTP/1.1\r\n\r\n"))
            .await;
        assert!(client.answer().await.ends_with('x'));
    }
    server.await.unwrap();
}

#[tokio::test]
async fn answers_lose_what_belongs_to_the_hop_and_what_contradicts() {
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
        let proxy = proxy(lenient(), local_names());
        let mut client = Client::connect(&proxy);
        client
            .send(format!(
                "GET http://allowed.test:{}/ HTTP/1.1\r\n\r\n",
                recorder.port()
            ))
            .await;
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
async fn an_answer_out_of_turn_is_no_upgrade() {
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
async fn an_expectation_is_met_only_when_the_request_is_forwarded() {
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
        // The client's end arrives, and the server may still speak.
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

#[tokio::test]
async fn unreachable_targets_say_why_and_nothing_more() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let names = Scripted::new(&[("allowed.test", &["127.0.0.1"])]);
    let proxy = proxy(lenient(), names);
    for (host, why) in [
        (
            "allowed.test",
            "isol8: cannot reach allowed.test: connection refused",
        ),
        (
            "also.test",
            "isol8: cannot reach also.test: the name could not be resolved",
        ),
    ] {
        for request in [
            format!("GET http://{host}:{free}/ HTTP/1.1\r\n\r\n"),
            format!("CONNECT {host}:{free} HTTP/1.1\r\n\r\n"),
        ] {
            let mut client = Client::connect(&proxy);
            client.send(request).await;
            let answer = client.answer().await;
            assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
            assert!(answer.ends_with(why), "{answer}");
            assert_eq!(client.run.snapshot().entries[0].action, Action::Allow);
            assert!(client.run.snapshot().events.is_empty());
        }
    }
}

#[tokio::test]
async fn a_broken_upstream_never_looks_whole() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let recorder = Recorder::start(Play::Send(cut)).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    client
        .send(format!(
            "GET http://allowed.test:{}/ HTTP/1.1\r\n\r\n",
            recorder.port()
        ))
        .await;
    let answer = client.rest().await;
    assert!(
        answer.ends_with("abc") && answer.contains("Content-Length: 10"),
        "{answer}"
    );
    let silent = Recorder::start(Play::Send(Vec::new())).await;
    let mut client = Client::connect(&proxy);
    client
        .send(format!(
            "GET http://allowed.test:{}/ HTTP/1.1\r\n\r\n",
            silent.port()
        ))
        .await;
    assert!(
        client
            .answer()
            .await
            .ends_with("the connection broke before an answer")
    );
}

#[tokio::test]
async fn a_slow_client_slows_the_server_down() {
    let count = Arc::new(AtomicUsize::new(0));
    let recorder = Recorder::start(Play::Flood(Arc::clone(&count))).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    client
        .tunnel(&format!("allowed.test:{}", recorder.port()))
        .await;
    // Until it stands still: socket buffers and ours are full.
    let mut before = usize::MAX;
    while before != count.load(Ordering::SeqCst) {
        before = count.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(
        before < 32 << 20,
        "{before} bytes went to a client that reads none"
    );
    let received = client.run.snapshot().bytes_received;
    assert!(
        received < 1 << 20,
        "{received} bytes were buffered in the proxy"
    );
    client.exactly(1 << 20).await;
    assert!(count.load(Ordering::SeqCst) > 0);
    client.done().await;
}

#[tokio::test]
async fn logs_belong_to_their_run_and_count_bytes() {
    let recorder = Recorder::start(ok("hello")).await;
    let proxy = proxy(lenient(), local_names());
    let (one, two) = (RunLog::new(), RunLog::new());
    let port = recorder.port();
    let mut first = Client::under(&proxy, &one);
    let mut second = Client::under(&proxy, &two);
    first
        .send(format!(
            "GET http://allowed.test:{port}/one?secret=1 HTTP/1.1\r\n\r\n"
        ))
        .await;
    second
        .send(format!(
            "GET http://denied.test:{port}/two HTTP/1.1\r\n\r\n"
        ))
        .await;
    first.answer().await;
    second.answer().await;
    let log = one.snapshot();
    assert_eq!((log.entries.len(), log.events.len()), (1, 0));
    assert_eq!(
        log.entries[0].path.as_deref(),
        Some("/one"),
        "no query in the log"
    );
    assert_eq!(log.bytes_sent, recorder.text().len() as u64);
    assert_eq!(
        log.bytes_received,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".len() as u64
    );
    let log = two.snapshot();
    assert_eq!((log.entries.len(), log.events.len()), (1, 1));
    assert_eq!((log.bytes_sent, log.bytes_received), (0, 0));
    assert!(log.entries[0].timestamp_ms > 1_700_000_000_000);
}

#[tokio::test]
async fn idle_and_unfinished_connections_end() {
    let recorder = Recorder::start(Play::Silent).await;
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let policy = Arc::new(Policy::new(lenient()).unwrap());
    let proxy = Proxy::new(policy, local_names(), limits);
    let port = recorder.port();
    let mut client = Client::connect(&proxy);
    client.send("GET http://allo").await;
    client.rest().await;
    let mut client = Client::connect(&proxy);
    client
        .send(format!("GET http://allowed.test:{port}/ HTTP/1.1\r\n\r\n"))
        .await;
    assert!(client.answer().await.starts_with("HTTP/1.1 502 "));
    let mut client = Client::connect(&proxy);
    client.tunnel(&format!("allowed.test:{port}")).await;
    client.rest().await;
    client.done().await;
    eventually("upstream is closed", || recorder.ended() == 2).await;
}

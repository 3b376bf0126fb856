//! Plain HTTP for an allowed host: the request that leaves is the one that was judged.

use crate::support::{
    Client, Play, Recorder, eventually, exchange, lenient, local_names, ok, proxy, sorted,
};
use isol8_egress::Action;

#[tokio::test]
async fn the_request_that_leaves_is_the_one_that_was_judged() {
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
        // Both framings: the chunked one counts, and only it leaves.
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
        // Bare line feeds are read as line ends, and leave as proper line ends.
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

#[tokio::test]
async fn a_request_hidden_in_a_body_is_forwarded_as_a_body() {
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
        .map(isol8_egress::LogEntry::action)
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

//! Requests that must not leave, whatever their host. One server stands behind every name and address here. Each case
//! asserts that no byte reached it, and no connection either where none is needed.

use crate::support::{Client, Recorder, ask, assert_untouched, lenient, local_names, ok, proxy};
use isol8_egress::Action;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn requests_without_a_target_that_could_be_judged() {
    for request in [
        // Origin form and similar forms, with any Host.
        "GET / HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "GET /http://allowed.test:{port}/ HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "GET //allowed.test:{port}/ HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "GET allowed.test:{port} HTTP/1.1\r\nHost: allowed.test\r\n\r\n",
        "CONNECT allowed.test HTTP/1.1\r\n\r\n",
        "CONNECT http://allowed.test:{port}/ HTTP/1.1\r\n\r\n",
        "CONNECT / HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "GET https://allowed.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET ftp://allowed.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http:///path HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
        "GET http://:{port}/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n",
        // User information.
        "GET http://allowed.test@denied.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://denied.test:80@allowed.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://user:pass@allowed.test:{port}/ HTTP/1.1\r\n\r\n",
        "CONNECT user@allowed.test:{port} HTTP/1.1\r\n\r\n",
        // Bytes that no host has.
        "GET http://allowed.test\0.denied.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test%00.denied.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test%2edenied.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test\u{1}:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test\u{7f}:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test\t:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test\\@denied.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://bücher.test:{port}/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test :{port}/ HTTP/1.1\r\n\r\n",
        "CONNECT allowed.test\0:{port} HTTP/1.1\r\n\r\n",
        "CONNECT allowed.test%00x:{port} HTTP/1.1\r\n\r\n",
        "CONNECT [fe80::1%25lo]:{port} HTTP/1.1\r\n\r\n",
        "CONNECT ::1:{port} HTTP/1.1\r\n\r\n",
        "CONNECT allowed..test:{port} HTTP/1.1\r\n\r\n",
        // Invalid ports.
        "GET http://allowed.test:0/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test:/ HTTP/1.1\r\n\r\n",
        "GET http://allowed.test:99999/ HTTP/1.1\r\n\r\n",
        "CONNECT allowed.test:{port}:{port} HTTP/1.1\r\n\r\n",
        "CONNECT allowed.test:+{port} HTTP/1.1\r\n\r\n",
        // Other versions, and bytes that are not HTTP.
        "GET http://allowed.test:{port}/\r\n\r\n",
        "GET http://allowed.test:{port}/ HTTP/9.9\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\0",
    ] {
        let (answer, recorder, _log) = ask(lenient(), request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert_untouched(&recorder, request);
    }
    let (answer, recorder, _log) = ask(lenient(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(answer, "", "HTTP/2 is not spoken");
    assert_untouched(&recorder, "HTTP/2");
    let (answer, _recorder, _log) = ask(lenient(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(
        answer.contains("the request target must be an absolute http:// URL"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_target_that_hides_its_host_is_logged() {
    for request in [
        "GET http://allowed.test@denied.test:{port}/ HTTP/1.1\r\n\r\n",
        "CONNECT allowed..test:{port} HTTP/1.1\r\n\r\n",
    ] {
        let (_answer, _recorder, log) = ask(lenient(), request).await;
        assert_eq!(log.entries.len(), 1, "{request}");
        assert_eq!(log.entries[0].action(), Action::Block, "{request}");
    }
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let absolute = "POST http://allowed.test:{port}/ HTTP/1.1\r\n";
    for fields in [
        "Host: allowed.test\r\nHost: denied.test\r\n\r\n",
        "Host: allowed.test\r\nHost: allowed.test\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "Content-Length: 5, 6\r\n\r\nhello!",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -1\r\n\r\nhello",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 5 5\r\n\r\nhello",
        "Content-Length: 99999999999999999999\r\n\r\nhello",
        "Content-Length:\r\n\r\nhello",
        "Transfer-Encoding: identity\r\n\r\nhello",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n",
        "X: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        " Host: allowed.test\r\n\r\n",
        "X\0: 1\r\n\r\n",
        "X: a\0b\r\n\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ": nothing\r\n\r\n",
    ] {
        let (answer, recorder, _log) = ask(lenient(), &format!("{absolute}{fields}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
        assert_untouched(&recorder, fields);
    }
    for request in [
        "POST http://allowed.test:{port}/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CONNECT allowed.test:{port} HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        "CONNECT allowed.test:{port} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (answer, recorder, _log) = ask(lenient(), request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert_untouched(&recorder, request);
    }
}

#[tokio::test]
async fn heads_over_the_limits() {
    let many = "X: 1\r\n".repeat(200);
    let long = format!("X: {}\r\n", "a".repeat(100_000));
    for fields in [many, long] {
        let recorder = Recorder::start(ok("leaked")).await;
        let mut client = Client::connect(&proxy(lenient(), local_names()));
        let port = recorder.port();
        let request = format!("GET http://allowed.test:{port}/ HTTP/1.1\r\n{fields}\r\n");
        // The proxy does not read it to its end.
        let _ = client.stream.write_all(request.as_bytes()).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_untouched(&recorder, "a head over the limits");
    }
}

#[tokio::test]
async fn connections_over_the_limit_are_turned_away() {
    let policy = std::sync::Arc::new(isol8_egress::Policy::new(lenient()).unwrap());
    let limits = isol8_egress::Limits {
        connections: 1,
        ..Default::default()
    };
    let proxy = isol8_egress::Proxy::new(policy, local_names(), limits);
    let run = isol8_egress::Run::new(proxy.limits());
    let first = Client::under(&proxy, &run);
    tokio::task::yield_now().await;
    let mut second = Client::under(&proxy, &run);
    let answer = second.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nisol8: too many connections\n"),
        "{answer}"
    );
    first.done().await;
    let mut third = Client::under(&proxy, &run);
    third.send("GET / HTTP/1.1\r\n\r\n").await;
    assert!(third.answer().await.starts_with("HTTP/1.1 400 "));
}

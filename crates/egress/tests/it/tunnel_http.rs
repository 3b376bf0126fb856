//! CONNECT tunnels in which the client speaks HTTP without TLS.

use std::sync::Arc;
use std::time::Duration;

use crate::support::tunnel::{Kind, options, tunnel};
use crate::support::{Client, Play, Recorder, eventually, local_names, ok, proxy};
use isol8_egress::{BlockReason, Limits, NetworkLog, Policy, Proxy};

/// The kinds of ports whose tunnels may carry HTTP.
const KINDS: [Kind; 2] = [Kind::Http, Kind::Any];

/// Method and reason of a block, for each entry.
fn decisions(log: &NetworkLog) -> Vec<(&str, Option<&str>)> {
    let entries = log.entries.iter();
    entries
        .map(|entry| {
            let reason = entry.blocked.as_ref().map(BlockReason::code);
            (entry.method.as_str(), reason)
        })
        .collect()
}

#[tokio::test]
async fn each_request_without_tls_in_a_tunnel_is_judged() {
    for kind in KINDS {
        let recorder = Recorder::start(ok("hello")).await;
        let port = recorder.port();
        let proxy = proxy(options(kind, port), local_names());
        for (request, status) in [
            ("GET /a HTTP/1.1\r\nHost: Allowed.test:{port}", "200"),
            ("GET /b HTTP/1.1\r\nHost: denied.test:{port}", "403"),
            ("GET /b HTTP/1.1\r\nHost: also.test:{port}", "403"),
            ("GET /b HTTP/1.1\r\nHost: allowed.test", "403"),
            ("\r\nGET /b HTTP/1.1\r\nHost: denied.test:{port}", "403"),
            ("GET /b HTTP/1.1", "400"),
            (
                "GET /b HTTP/1.1\r\nHost: allowed.test:{port}\r\nHost: x",
                "400",
            ),
            (
                "GET http://allowed.test:{port}/b HTTP/1.1\r\nHost: x",
                "400",
            ),
            ("CONNECT allowed.test:{port} HTTP/1.1\r\nHost: x", "400"),
        ] {
            let request = request.replace("{port}", &port.to_string()) + "\r\n\r\n";
            let mut client = Client::connect(&proxy);
            client.tunnel(&format!("allowed.test:{port}")).await;
            client.send(&request).await;
            let answer = client.answer().await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{request}: {answer}");
            if status == "403" {
                let log = client.run.snapshot();
                assert_eq!(decisions(&log)[1], ("GET", Some("tunnel_host")));
            }
            if status == "400" {
                let log = client.run.snapshot();
                assert_eq!(decisions(&log)[1].1, Some("tunnel_http"), "{request}");
            }
            if status == "200" {
                let second = format!("GET /c HTTP/1.1\r\nHost: denied.test:{port}\r\n\r\n");
                client.send(second).await;
                let answer = client.answer().await;
                assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
                let body = "\r\n\r\nisol8: request to denied.test blocked by network filter";
                assert!(answer.ends_with(body), "{answer}");
                let expected = [
                    ("CONNECT", None),
                    ("GET", None),
                    ("GET", Some("tunnel_host")),
                ];
                assert_eq!(decisions(&client.run.snapshot()), expected);
            }
            client.done().await;
        }
        let seen = recorder.text();
        assert!(seen.starts_with("GET /a HTTP/1.1\r\n"), "{seen}");
        assert_eq!(seen.matches("HTTP/1.1").count(), 1, "{seen}");
    }
    // On a port of TLS and HTTP, the first bytes of the server do not pass the tunnel either.
    let (mut client, _recorder) =
        tunnel(Kind::Http, "allowed.test", Play::Banner(b"220 hello\r\n")).await;
    client.finish().await;
    assert_eq!(client.rest().await, "");
}

/// What lenient servers would read as requests for another host.
#[tokio::test]
async fn http_that_cannot_be_judged_is_blocked() {
    for request in [
        &b"\tGET\t/\tHTTP/1.1\r\nHost: denied.test\r\n\r\n"[..],
        b"GET\x0b/\x0bHTTP/1.1\r\nHost: denied.test\r\n\r\n",
        b"GET /\r\nHost: denied.test\r\n\r\n",
        b"GET http://denied.test/\r\n\r\n",
        b"GET / http/1.1\r\nHost: denied.test\r\n\r\n",
        b"POST /\x01 HTTP/1.1\r\nHost: denied.test\r\n\r\n",
        b"X\rGET / HTTP/1.1\r\nHost: denied.test\r\n\r\n",
        // The PROXY protocol in front of a request.
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: denied.test\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.1\r\nHost: denied.test\r\n\r\n",
        // HTTP/2 without TLS.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ] {
        let shown = request.escape_ascii();
        for kind in KINDS {
            for pieces in [1, request.len()] {
                let (mut client, recorder) = tunnel(kind, "allowed.test", Play::Echo).await;
                for piece in request.chunks(request.len().div_ceil(pieces)) {
                    // The proxy may have ended the tunnel already.
                    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, piece).await;
                    tokio::task::yield_now().await;
                }
                let answer = client.rest().await;
                assert!(
                    answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
                    "{shown}: {answer}"
                );
                let run = Arc::clone(&client.run);
                client.done().await;
                let log = run.snapshot();
                let expected = [("CONNECT", Some("tunnel_http"))];
                assert_eq!(decisions(&log), expected, "{kind:?} {shown}");
                assert_eq!(recorder.text(), "", "{kind:?} {shown}");
            }
        }
    }
}

/// The program may end as soon as it has the answer. Its log is read then.
#[tokio::test]
async fn malformed_http_is_in_the_log_before_the_client_has_an_answer_or_the_end() {
    let good = "GET /a HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n";
    for malformed in [
        "GET /\r\nHost: denied.test\r\n\r\n",
        "GET / HTTP/1.1\r\n : x\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
        // hyper does not answer this.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        for (kind, before) in [
            (Kind::Http, ""),
            (Kind::Any, ""),
            (Kind::Http, good),
            (Kind::Any, good),
        ] {
            let recorder = Recorder::start(ok("hello")).await;
            let port = recorder.port();
            let proxy = proxy(options(kind, port), local_names());
            let (mut client, seen) = Client::witnessed(&proxy);
            client.tunnel(&format!("allowed.test:{port}")).await;
            if !before.is_empty() {
                client
                    .send(before.replace("{port}", &port.to_string()))
                    .await;
                let answer = client.answer().await;
                assert!(answer.ends_with("hello"), "{answer}");
            }
            let granted = std::mem::take(&mut *seen.lock().unwrap());
            assert!(!granted.is_empty());
            for log in granted {
                assert_eq!(decisions(&log)[0], ("CONNECT", None), "{malformed}");
            }
            client.send(malformed).await;
            client.finish().await;
            client.rest().await;
            client.done().await;
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert!(!seen.is_empty());
            for log in seen {
                let expected = ("CONNECT", Some("tunnel_http"));
                assert_eq!(decisions(&log)[0], expected, "{kind:?} {malformed}");
            }
        }
    }
}

#[tokio::test]
async fn a_websocket_in_a_tunnel_is_no_malformed_request() {
    let accept = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\n\r\nearly";
    let recorder = Recorder::start(Play::Http(accept.into())).await;
    let port = recorder.port();
    let proxy = proxy(options(Kind::Any, port), local_names());
    let mut client = Client::connect(&proxy);
    client.tunnel(&format!("allowed.test:{port}")).await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: allowed.test:{port}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\n\r\n"
        ))
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(client.exactly(5).await, b"early");
    client.finish().await;
    client.rest().await;
    let expected = [("CONNECT", None), ("GET", None)];
    assert_eq!(decisions(&client.run.snapshot()), expected);
}

#[tokio::test]
async fn http_after_the_first_bytes_of_the_server_is_blocked() {
    let banner = b"220 hello\r\n";
    let (mut client, recorder) = tunnel(Kind::Any, "allowed.test", Play::Banner(banner)).await;
    assert_eq!(client.exactly(banner.len()).await, banner);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: allowed.test:{}\r\n\r\n",
        recorder.port()
    );
    client.send(request).await;
    assert_eq!(client.rest().await, "");
    let expected = [("CONNECT", Some("tunnel_http"))];
    assert_eq!(decisions(&client.run.snapshot()), expected);
    assert_eq!(recorder.text(), "");
}

/// A proxy that holds back no first line for long, and a recorder.
async fn impatient() -> (Client, Recorder) {
    let recorder = Recorder::start(Play::Echo).await;
    let policy = Arc::new(Policy::new(options(Kind::Any, recorder.port())).unwrap());
    let limits = Limits {
        first_line_timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let mut client = Client::connect(&Proxy::new(policy, local_names(), limits));
    let authority = format!("allowed.test:{}", recorder.port());
    client.tunnel(&authority).await;
    (client, recorder)
}

#[tokio::test]
async fn a_first_line_without_an_end_is_held_back_for_a_moment_only() {
    let (mut client, recorder) = impatient().await;
    client.send("JDWP-Handshake").await;
    assert_eq!(client.exactly(14).await, b"JDWP-Handshake");
    client.send("\0\0\0\x0b").await;
    assert_eq!(client.exactly(4).await, b"\0\0\0\x0b");
    // Nothing is judged any more.
    client.send("x\r\nGET / HTTP/1.1\r\n").await;
    assert_eq!(client.exactly(19).await, b"x\r\nGET / HTTP/1.1\r\n");
    assert_eq!(decisions(&client.run.snapshot()), [("CONNECT", None)]);
    assert!(recorder.text().starts_with("JDWP-Handshake\0"));
}

#[tokio::test]
async fn a_slow_request_line_never_passes_whole() {
    for rest in [
        "T / HTTP/1.1\r\nHost: denied.test\r\n\r\n",
        "T /\r\nHost: denied.test\r\n\r\n",
        "T x HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    ] {
        let (mut client, recorder) = impatient().await;
        client.send("GE").await;
        eventually("the first bytes are relayed", || recorder.text() == "GE").await;
        client.send(rest).await;
        assert_eq!(client.rest().await, "GE");
        let expected = [("CONNECT", Some("tunnel_http"))];
        assert_eq!(decisions(&client.run.snapshot()), expected);
        client.done().await;
        eventually("upstream has ended", || recorder.ended() == 1).await;
        assert_eq!(recorder.text(), "GE");
    }
}

#[tokio::test]
async fn other_protocols_pass_without_delay() {
    for bytes in [
        &b"EHLO client.test\r\n"[..],
        b"*1\r\n$4\r\nPING\r\n",
        b"003egit-upload-pack /x.git\0host=a.test\0",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
    ] {
        let recorder = Recorder::start(Play::Echo).await;
        let policy = Arc::new(Policy::new(options(Kind::Any, recorder.port())).unwrap());
        let limits = Limits {
            // Longer than the patience of the test.
            first_line_timeout: Duration::from_mins(10),
            ..Limits::default()
        };
        let mut client = Client::connect(&Proxy::new(policy, local_names(), limits));
        let authority = format!("allowed.test:{}", recorder.port());
        client.tunnel(&authority).await;
        client.send(bytes).await;
        assert_eq!(client.exactly(bytes.len()).await, bytes);
    }
}

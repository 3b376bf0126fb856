//! Upstream connections: which ones are kept, how they break, how long they last, and their counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{
    Client, Play, Recorder, Scripted, eventually, lenient, local_names, ok, proxy,
};
use isol8_egress::{Action, Denial, Limits, Policy, Proxy, Run};
use tokio::net::TcpListener;

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
async fn a_broken_upstream_answer_never_looks_complete() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let recorder = Recorder::start(Play::Send(cut)).await;
    let mut client = Client::asking(recorder.port()).await;
    let answer = client.rest().await;
    assert!(
        answer.ends_with("abc") && answer.contains("Content-Length: 10"),
        "{answer}"
    );
    let silent = Recorder::start(Play::Send(Vec::new())).await;
    let mut client = Client::asking(silent.port()).await;
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
    // Waits until nothing moves: the socket buffers and ours are full.
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
async fn answers_for_unreachable_targets_give_the_reason_only() {
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
            assert_eq!(client.run.snapshot().entries[0].action(), Action::Allow);
        }
    }
}

#[tokio::test]
async fn each_run_has_its_own_log_and_byte_counts() {
    let recorder = Recorder::start(ok("hello")).await;
    let proxy = proxy(lenient(), local_names());
    let (one, two) = (Run::new(proxy.limits()), Run::new(proxy.limits()));
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
    assert_eq!((log.entries.len(), &log.entries[0].blocked), (1, &None));
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
    assert_eq!(log.entries.len(), 1);
    assert_eq!(log.entries[0].blocked, Some(Denial::NotWhitelisted.into()));
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

//! What one program can make the host hold: socket buffers and log entries.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use isol8_egress::{Limits, Policy, Proxy, Run};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use crate::support::{Client, Recorder, lenient, local_names, ok, proxy};

#[tokio::test]
async fn tunnels_to_a_silent_server_hold_a_bounded_number_of_bytes() {
    // A server that accepts and never reads. Its own buffers are as small as they can be.
    let server = TcpSocket::new_v4().unwrap();
    server.set_recv_buffer_size(4096).unwrap();
    server.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let server = server.listen(1024).unwrap();
    let port = server.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move {
        let mut accepted = Vec::new();
        while let Ok((stream, _)) = server.accept().await {
            accepted.push(stream);
        }
    });
    let limits = Limits {
        buffer_bytes: 8 * 1024 * 1024,
        ..Limits::default()
    };
    let bound = limits.buffer_bytes as u64;
    let policy = Arc::new(Policy::new(lenient()).unwrap());
    let proxy = Proxy::new(policy, local_names(), limits);
    let run = Run::new(proxy.limits());
    let request = format!("CONNECT allowed.test:{port} HTTP/1.1\r\n\r\n");
    let mut writers = Vec::new();
    let refusal = loop {
        let mut client = Client::under(&proxy, &run);
        client.send(&request).await;
        let answer = client.answer().await;
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
        writers.push(tokio::spawn(async move {
            // Until the tunnel takes no more.
            let bytes = vec![0; 64 * 1024];
            while client.stream.write_all(&bytes).await.is_ok() {}
        }));
    };
    let tunnels = writers.len() as u64;
    assert!(tunnels > 16, "{tunnels}");
    assert!(
        refusal.ends_with("isol8: cannot reach allowed.test: the program has too many connections"),
        "{refusal}"
    );
    let mut before = u64::MAX;
    let mut sent = 0;
    while before != sent {
        before = sent;
        tokio::time::sleep(Duration::from_millis(500)).await;
        sent = run.snapshot().bytes_sent;
    }
    // Something was sent into each, and together no more than the sockets of the run may hold.
    assert!(sent > 1024 * tunnels, "{sent}");
    assert!(sent < bound, "{sent}");
    // Tunnels that have ended make room: with the server they end.
    accepting.abort();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut client = Client::under(&proxy, &run);
    client.send(&request).await;
    let answer = client.answer().await;
    assert!(answer.ends_with("connection refused"), "{answer}");
}

#[tokio::test]
async fn a_flood_of_blocked_requests_hides_nothing() {
    const FLOOD: u64 = 5000;
    let recorder = Recorder::start(ok("found")).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    for _ in 0..FLOOD {
        client
            .send("GET http://denied.test/ HTTP/1.1\r\n\r\n")
            .await;
        client.answer().await;
    }
    for request in [
        "GET http://later.test/ HTTP/1.1\r\n\r\n",
        &format!(
            "GET http://allowed.test:{}/ HTTP/1.1\r\n\r\n",
            recorder.port()
        ),
    ] {
        client.send(request).await;
        client.answer().await;
    }
    let log = client.run.snapshot();
    let entries: Vec<_> = log
        .entries
        .iter()
        .map(|entry| (entry.host.as_str(), entry.count))
        .collect();
    assert_eq!(
        entries,
        [
            ("denied.test", FLOOD),
            ("later.test", 1),
            ("allowed.test", 1)
        ]
    );
    assert_eq!((log.dropped_allowed, log.dropped_blocked), (0, 0));
}

//! CONNECT tunnels: TLS with the right name, other protocols, and how they end.

use std::sync::Arc;
use std::time::Duration;

use crate::support::hello::{hello, message, names, records};
use crate::support::tunnel::{Kind, options, tunnel};
use crate::support::{
    Client, PATIENCE, Play, Recorder, eventually, lenient, local_names, ok, proxy, strings,
};
use isol8_egress::{Action, Limits, Policy, Proxy};

#[tokio::test]
async fn tls_with_the_right_name_passes_unchanged() {
    for kind in [Kind::Tls, Kind::Http, Kind::Any] {
        for (host, name) in [
            ("allowed.test", Some("allowed.test")),
            ("ALLOWED.test.", Some("Allowed.TEST")),
            ("127.0.0.1", None),
            ("127.0.0.1", Some("127.0.0.1")),
        ] {
            let (mut client, recorder) = tunnel(kind, host, Play::Echo).await;
            let mut bytes = hello(name);
            bytes.extend(b"\x17\x03\x03\x00\x05early");
            client.send(&bytes).await;
            assert_eq!(client.exactly(bytes.len()).await, bytes);
            client.send("more").await;
            assert_eq!(client.exactly(4).await, b"more");
            client.finish().await;
            assert_eq!(client.rest().await, "");
            let log = client.run.snapshot();
            assert_eq!(
                (log.entries.len(), log.entries[0].action()),
                (1, Action::Allow)
            );
            assert_eq!(
                (log.entries[0].method.as_str(), &log.entries[0].path),
                ("CONNECT", &None)
            );
            assert_eq!(log.bytes_sent, bytes.len() as u64 + 4);
            assert_eq!(log.bytes_received, log.bytes_sent);
            client.done().await;
            eventually("upstream has ended", || recorder.ended() == 1).await;
        }
    }
}

#[tokio::test]
async fn a_hello_in_pieces_passes_when_it_is_complete() {
    for kind in [Kind::Tls, Kind::Any] {
        let (mut client, recorder) = tunnel(kind, "allowed.test", Play::Echo).await;
        let message = message(&[(0, names(&[(0, b"allowed.test")]))]);
        let bytes = records(&message, 30);
        for (index, byte) in bytes.iter().enumerate() {
            assert_eq!(
                recorder.text(),
                "",
                "byte {index} came before the hello was judged"
            );
            client.send([*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.exactly(bytes.len()).await, bytes);
    }
}

#[tokio::test]
async fn tls_with_another_name_is_cut() {
    let sni = |entries: &[(u8, &[u8])]| records(&message(&[(0, names(entries))]), 1 << 14);
    for kind in [Kind::Tls, Kind::Http, Kind::Any] {
        for (host, bytes) in [
            ("allowed.test", hello(Some("denied.test"))),
            ("allowed.test", hello(Some("also.test"))),
            ("allowed.test", hello(Some("x.allowed.test"))),
            ("allowed.test", hello(None)),
            ("allowed.test", hello(Some("127.0.0.1"))),
            ("allowed.test", hello(Some("allowed.test\0"))),
            ("allowed.test", hello(Some("allowed.test:443"))),
            ("127.0.0.1", hello(Some("denied.test"))),
            ("127.0.0.1", hello(Some("allowed.test"))),
            (
                "allowed.test",
                sni(&[(0, b"allowed.test"), (0, b"denied.test")]),
            ),
            ("allowed.test", sni(&[(1, b"allowed.test")])),
        ] {
            let (mut client, recorder) = tunnel(kind, host, Play::Echo).await;
            client.send(&bytes).await;
            assert_eq!(client.rest().await, "");
            let log = client.run.snapshot();
            assert_eq!(log.entries[0].action(), Action::Block);
            assert_eq!(log.entries.len(), 1);
            client.done().await;
            assert_eq!(
                recorder.text(),
                "",
                "bytes leaked: {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

#[tokio::test]
async fn a_hello_that_never_ends_is_cut() {
    let whole = hello(Some("allowed.test"));
    // The client ends before its hello is complete.
    let (mut client, recorder) = tunnel(Kind::Tls, "allowed.test", Play::Echo).await;
    client.send(&whole[..whole.len() - 1]).await;
    client.finish().await;
    assert_eq!(client.rest().await, "");
    assert_eq!(client.run.snapshot().entries[0].action(), Action::Block);
    assert_eq!(recorder.text(), "");
    // The hello is too long.
    let (mut client, recorder) = tunnel(Kind::Any, "allowed.test", Play::Echo).await;
    client.send([22, 3, 1, 0x40, 0, 1, 1, 0, 0]).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &vec![0; 1 << 18]).await;
    assert_eq!(client.rest().await, "");
    assert_eq!(client.run.snapshot().entries[0].action(), Action::Block);
    assert_eq!(recorder.text(), "");
    // The hello is too slow.
    let recorder = Recorder::start(Play::Echo).await;
    let policy = Arc::new(Policy::new(options(Kind::Tls, recorder.port())).unwrap());
    let limits = Limits {
        hello_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let proxy = Proxy::new(policy, local_names(), limits);
    for first_bytes in [&whole[..0], &whole[..20]] {
        let mut client = Client::connect(&proxy);
        client
            .tunnel(&format!("allowed.test:{}", recorder.port()))
            .await;
        client.send(first_bytes).await;
        assert_eq!(client.rest().await, "");
    }
    assert_eq!(recorder.text(), "");
}

#[tokio::test]
async fn a_tls_port_carries_tls_only() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: denied.test\r\n\r\n"[..],
        b"SSH-2.0-x\r\n",
        b"\x80\x2e\x01\x03",
    ] {
        // The first bytes of the server are not passed on either.
        let (mut client, recorder) =
            tunnel(Kind::Tls, "allowed.test", Play::Banner(b"220 hello\r\n")).await;
        client.send(bytes).await;
        assert_eq!(client.rest().await, "");
        assert_eq!(client.run.snapshot().entries[0].action(), Action::Block);
        assert_eq!(recorder.text(), "");
    }
    // A client that opens a tunnel and closes it again is not blocked.
    let (mut client, _recorder) = tunnel(Kind::Tls, "allowed.test", Play::Echo).await;
    client.finish().await;
    assert_eq!(client.rest().await, "");
    assert_eq!(client.run.snapshot().entries[0].action(), Action::Allow);
}

#[tokio::test]
async fn on_other_ports_the_server_may_send_first() {
    let banner = b"SSH-2.0-server\r\n";
    let (mut client, recorder) = tunnel(Kind::Any, "allowed.test", Play::Banner(banner)).await;
    assert_eq!(client.exactly(banner.len()).await, banner);
    client.send("SSH-2.0-client\r\n").await;
    assert_eq!(client.exactly(16).await, b"SSH-2.0-client\r\n");
    // The first byte could be TLS, and the next ones show that it is not.
    let (mut other, _recorder) = tunnel(Kind::Any, "allowed.test", Play::Echo).await;
    other.send(b"\x16\x03").await;
    other.send(b"xyz\xff").await;
    assert_eq!(other.exactly(6).await, b"\x16\x03xyz\xff");
    assert_eq!(recorder.text(), "SSH-2.0-client\r\n");
}

#[tokio::test]
async fn each_direction_ends_separately() {
    // The client ends first. The server sees the end and still answers.
    let (mut client, recorder) = tunnel(Kind::Any, "allowed.test", Play::Echo).await;
    client.send("last words").await;
    client.finish().await;
    assert_eq!(client.rest().await, "last words");
    eventually("the server saw the end", || recorder.ended() == 1).await;
    // The server ends first. The client sees the end and can still send.
    let (mut client, recorder) =
        tunnel(Kind::Any, "allowed.test", Play::Send(b"bye".to_vec())).await;
    assert_eq!(client.rest().await, "bye");
    client.send("still here\n").await;
    eventually("the server has received it", || {
        recorder.text() == "still here\n"
    })
    .await;
    client.finish().await;
    client.done().await;
    eventually("the server saw the end", || recorder.ended() == 1).await;
}

#[tokio::test]
async fn a_dropped_proxy_leaves_no_connection() {
    let (client, recorder) = tunnel(Kind::Any, "allowed.test", Play::Echo).await;
    client.served.abort();
    eventually("the tunnel is closed", || recorder.ended() == 1).await;

    let recorder = Recorder::start(Play::Silent).await;
    let client = Client::asking(recorder.port()).await;
    eventually("the request is under way", || recorder.connections() == 1).await;
    client.served.abort();
    eventually("the request is abandoned", || recorder.ended() == 1).await;
}

#[tokio::test]
async fn ipv6() {
    let Ok(probe) = std::net::TcpListener::bind("[::1]:0") else {
        panic!("this machine has no IPv6 loopback address, which the IPv6 cases need");
    };
    drop(probe);
    let recorder = Recorder::on("[::1]:0".parse().unwrap(), ok("six")).await;
    let port = recorder.port();
    for whitelist in ["^::1$", "^\\[::1\\]$"] {
        let mut options = lenient();
        options.whitelist = strings(&[whitelist]);
        let proxy = proxy(options, local_names());
        let mut client = Client::connect(&proxy);
        client
            .send(format!("GET http://[0::1]:{port}/ HTTP/1.1\r\n\r\n"))
            .await;
        assert!(client.answer().await.ends_with("six"));
        assert!(
            recorder.text().contains(&format!("[::1]:{port}\r\n")),
            "{}",
            recorder.text()
        );
        let mut client = Client::connect(&proxy);
        client.tunnel(&format!("[::1]:{port}")).await;
        client
            .send(format!("GET / HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n"))
            .await;
        assert!(client.answer().await.ends_with("six"));
        assert_eq!(client.run.snapshot().entries[0].host, "::1");
    }
}

#[tokio::test]
async fn many_bytes_arrive_unchanged() {
    let (client, _recorder) = tunnel(Kind::Any, "allowed.test", Play::Echo).await;
    let Client {
        stream,
        run,
        served,
    } = client;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut writer, &copy)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut writer)
            .await
            .unwrap();
    });
    let mut received = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut received);
    tokio::time::timeout(PATIENCE, reading)
        .await
        .unwrap()
        .unwrap();
    writing.await.unwrap();
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
    served.await.unwrap();
    assert_eq!(run.snapshot().bytes_sent, sent.len() as u64);
}

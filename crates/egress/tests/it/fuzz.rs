//! Fuzzing, for a limited time, of everything that untrusted code reaches: host names, TLS hellos, connections.

use std::net::IpAddr;
use std::time::Duration;

use crate::support::fuzz::{Random, run};
use crate::support::hello::{hello, message, names, records};
use crate::support::strict::requests_in;
use crate::support::{Client, Recorder, lenient, local_names, ok, strings};
use isol8_egress::{
    Action, Hello, Host, Limits, MAX_HELLO, Policy, PolicyOptions, Proxy, classify, inspect,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn hosts() {
    const SEEDS: &[&str] = &[
        "allowed.test",
        "Denied.TEST.",
        "127.0.0.1",
        "0x7f.0.1",
        "017700000001",
        "[::1]",
        "::1",
        "[::ffff:127.0.0.1]",
        "bücher.example",
        "xn--bcher-kva.example",
        "fe80::1%eth0",
        "[2001:db8::1]",
        "1.2.3.4.",
        "2130706433",
        "a_b.c-d.e",
        "①②⑦.0.0.1",
        "0",
        "4294967295",
    ];
    const WORDS: &[&[u8]] = &[
        b".",
        b"..",
        b"\0",
        b"%00",
        b"%2e",
        b"@",
        b"[",
        b"]",
        b":",
        b"0x",
        b"0",
        b"1",
        b"xn--",
        "。".as_bytes(),
        "\u{ad}".as_bytes(),
        "ß".as_bytes(),
        "\u{200d}".as_bytes(),
        b"A",
        b"-",
        b"127",
        b"ffff",
        b"/",
        b"\\",
        b"#",
        b"?",
        b" ",
        b"\r\n",
        b"_",
        "\u{ff0e}".as_bytes(),
    ];
    let policy = Policy::new(PolicyOptions {
        whitelist: strings(&["^allowed\\.test$"]),
        blacklist: strings(&["(?=denied)"]),
        ..PolicyOptions::default()
    })
    .unwrap();
    run("hosts", 1000, async |random: &mut Random| {
        let mut bytes = random.pick(SEEDS).as_bytes().to_vec();
        random.mutate(&mut bytes, 4, WORDS);
        let raw = String::from_utf8_lossy(&bytes);
        let Ok(host) = Host::parse(&raw) else { return };
        let text = host.as_str();
        assert_eq!(
            Host::parse(text),
            Ok(host.clone()),
            "not a fixed point: {raw:?}"
        );
        assert_eq!(text.parse::<IpAddr>().ok(), host.ip(), "{raw:?}");
        assert!(!text.is_empty() && text.len() <= 253, "{raw:?}");
        if let Some(ip) = host.ip() {
            assert!(
                !matches!(ip, IpAddr::V6(six) if six.to_ipv4_mapped().is_some()),
                "{raw:?}"
            );
            let _any_class = classify(ip);
        } else {
            let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
            assert!(text.bytes().all(plain), "{raw:?} → {text:?}");
            // A name that a resolver could take for a number has become an address.
            let last = text.rsplit('.').next().unwrap();
            let digits = last.strip_prefix("0x").unwrap_or(last);
            let numeric = if last.starts_with("0x") {
                digits.bytes().all(|b| b.is_ascii_hexdigit())
            } else {
                digits.bytes().all(|b| b.is_ascii_digit())
            };
            assert!(!numeric, "{raw:?} → {text:?}");
        }
        assert_eq!(
            policy.judge(&host, 443).is_ok(),
            text == "allowed.test",
            "{raw:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn hellos() {
    const WORDS: &[&[u8]] = &[
        b"\0",
        b"\0\0",
        b"\x16\x03\x01",
        b"\x01",
        b"\xff\xff",
        b"\0\x01",
        b"denied.test",
        b"\x14",
    ];
    run("hellos", 1000, async |random: &mut Random| {
        let list = names(&[(0, b"allowed.test")]);
        let whole = message(&[(10, vec![0, 2, 0, 29]), (0, list), (16, vec![0; 9])]);
        let mut bytes = records(&whole, 1 + random.below(whole.len()));
        random.mutate(&mut bytes, 5, WORDS);
        let verdict = inspect(&bytes);
        match &verdict {
            Hello::Incomplete(needed) => {
                assert!(*needed > bytes.len() && *needed <= MAX_HELLO, "{bytes:?}");
            }
            Hello::Client(Some(name)) => assert!(!name.is_empty() && name.is_ascii()),
            _ => {}
        }
        // A verdict does not change with further bytes. With fewer bytes it was undecided.
        if !matches!(verdict, Hello::Incomplete(_)) {
            let mut longer = bytes.clone();
            longer.extend(random.pick(WORDS).iter());
            assert_eq!(inspect(&longer), verdict, "{bytes:?}");
        }
        let earlier = inspect(&bytes[..random.below(bytes.len() + 1)]);
        assert!(
            matches!(earlier, Hello::Incomplete(_)) || earlier == verdict,
            "{bytes:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections() {
    let recorder = Recorder::start(ok("x")).await;
    let port = recorder.port();
    let names = local_names();
    let options = PolicyOptions {
        whitelist: strings(&["^allowed\\.test$"]),
        ports: Some(vec![port]),
        http_ports: Some(vec![port]),
        ..lenient()
    };
    let short = Duration::from_millis(500);
    let limits = Limits {
        head_timeout: short,
        idle_timeout: short,
        ..Limits::default()
    };
    let policy = std::sync::Arc::new(Policy::new(options).unwrap());
    let proxy = Proxy::new(policy, names.clone(), limits);
    let seeds = connection_seeds(port);
    let digits = port.to_string();
    let words: Vec<&[u8]> = [
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "\0",
        ":",
        "@",
        "/",
        "\r\n\r\n",
        "denied.test",
        "allowed.test",
        "127.0.0.1",
        "[::1]",
        "0x7f.1",
        "CONNECT ",
        "GET ",
        "http://",
        "https://",
        "Host: denied.test\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Expect: 100-continue\r\n",
        "0\r\n\r\n",
        "HTTP/1.0",
        "%00",
        "\u{16}\u{3}\u{1}",
        &digits,
    ]
    .iter()
    .map(|word| word.as_bytes())
    .collect();
    run("connections", 200, async |random: &mut Random| {
        let mut bytes = random.pick(&seeds).clone();
        if random.below(3) == 0 {
            bytes.extend(random.pick(&seeds));
        }
        random.mutate(&mut bytes, 5, &words);
        let mut client = Client::connect(&proxy);
        let cut = random.below(bytes.len() + 1);
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let write = async {
            // The proxy may close before it has read everything.
            let _ = writer.write_all(&bytes[..cut]).await;
            tokio::task::yield_now().await;
            let _ = writer.write_all(&bytes[cut..]).await;
            let _ = writer.shutdown().await;
        };
        let mut answer = Vec::new();
        let read = reader.read_to_end(&mut answer);
        let both = tokio::time::timeout(crate::support::PATIENCE, async {
            tokio::join!(write, read)
        });
        let input = String::from_utf8_lossy(&bytes);
        assert!(both.await.is_ok(), "hangs: {input:?}");
        let served = tokio::time::timeout(crate::support::PATIENCE, &mut client.served).await;
        assert!(matches!(served, Ok(Ok(()))), "panics: {input:?}");
        for entry in client.run.snapshot().entries {
            let allowed = entry.host == "allowed.test";
            assert!(
                allowed || entry.action() == Action::Block,
                "{entry:?} {input:?}"
            );
        }
        assert!(
            names.asked().iter().all(|name| name == "allowed.test"),
            "{input:?}"
        );
    })
    .await;
    assert_only_judged(&recorder);
}

fn assert_only_judged(recorder: &Recorder) {
    let host = format!("allowed.test:{}", recorder.port());
    let mut requests = 0;
    for (index, connection) in recorder.each().iter().enumerate() {
        match requests_in(connection, &host) {
            Ok(count) => requests += count,
            Err(why) => {
                let text = String::from_utf8_lossy(connection);
                panic!("connection {index}: {why}: {text:?}");
            }
        }
    }
    assert!(
        requests > 0 || std::env::var_os("ISOL8_FUZZ_SEED").is_some(),
        "nothing left, so nothing was tested"
    );
}

fn connection_seeds(port: u16) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for host in ["allowed.test", "denied.test"] {
        for text in [
            format!("GET http://{host}:{port}/a?b HTTP/1.1\r\nHost: denied.test\r\n\r\n"),
            format!("POST http://{host}:{port}/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
            format!(
                "POST http://{host}:{port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"
            ),
            format!(
                "GET http://{host}:{port}/ HTTP/1.1\r\nConnection: Upgrade, X\r\n\
                 Upgrade: websocket\r\nX: 1\r\n\r\n"
            ),
            format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            format!(
                "CONNECT {host}:{port} HTTP/1.1\r\n\r\nGET /t HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
            ),
            format!(
                "CONNECT allowed.test:{port} HTTP/1.1\r\n\r\n\
                 GET /t HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
            ),
        ] {
            seeds.push(text.into_bytes());
        }
        let mut tls = format!("CONNECT allowed.test:{port} HTTP/1.1\r\n\r\n").into_bytes();
        tls.extend(hello(Some(host)));
        seeds.push(tls);
    }
    seeds
}

//! Fuzzing of tunnels to a port that may carry any protocol: what leaves must not be a request for another
//! host, not even for a server that reads requests leniently.

use std::sync::Arc;
use std::time::Duration;

use crate::support::fuzz::{Random, run};
use crate::support::strict::requests_in;
use crate::support::{Client, PATIENCE, Recorder, lenient, local_names, ok, strings};
use isol8_egress::{Limits, Policy, PolicyOptions, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SEEDS: &[&str] = &[
    "GET /a HTTP/1.1\r\nHost: allowed.test:{port}\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    "GET /a\r\nHost: denied.test\r\n\r\n",
    "POST /a HTTP/1.0\r\nHost: denied.test\r\nContent-Length: 5\r\n\r\nhello",
    "GET http://denied.test/a HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "EHLO client.test\r\nGET /a HTTP/1.1\r\nHost: denied.test\r\n\r\n",
    "*1\r\n$4\r\nPING\r\n",
];

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x85",
    b"\xa0",
    b"\0",
    b"/",
    b"GET ",
    b"HEAD ",
    b"http://",
    b"HTTP/1.1",
    b"http/1.0",
    b"Host: denied.test\r\n",
    b"Host: allowed.test\r\n",
    b"\x16\x03\x01",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_to_any_port() {
    let recorder = Recorder::start(ok("x")).await;
    let port = recorder.port();
    let options = PolicyOptions {
        whitelist: strings(&["^allowed\\.test$"]),
        ..lenient()
    };
    let short = Duration::from_millis(500);
    let limits = Limits {
        head_timeout: short,
        hello_timeout: short,
        idle_timeout: short,
        first_line_timeout: Duration::from_millis(2),
        ..Limits::default()
    };
    let policy = Arc::new(Policy::new(options).unwrap());
    let proxy = Proxy::new(policy, local_names(), limits);
    let authority = format!("allowed.test:{port}");
    run("tunnels", 100, async |random: &mut Random| {
        let seed = random.pick(SEEDS).replace("{port}", &port.to_string());
        let mut bytes = seed.into_bytes();
        random.mutate(&mut bytes, 5, WORDS);
        let mut client = Client::connect(&proxy);
        client.tunnel(&authority).await;
        let cut = random.below(bytes.len() + 1);
        // Some clients are slower than the time for which a first line is held back.
        let pause = Duration::from_millis(if random.below(4) == 0 { 10 } else { 0 });
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let exchange = async {
            // The proxy may close before it has read everything.
            let _ = writer.write_all(&bytes[..cut]).await;
            tokio::time::sleep(pause).await;
            let _ = writer.write_all(&bytes[cut..]).await;
            // A client that closes its side at once gives its request up.
            let mut answer = vec![0; 4096];
            let answered = reader.read(&mut answer);
            let _ = tokio::time::timeout(Duration::from_millis(20), answered).await;
            let _ = writer.shutdown().await;
            let _ = reader.read_to_end(&mut answer).await;
        };
        let exchanged = tokio::time::timeout(PATIENCE, exchange).await;
        let input = bytes.escape_ascii();
        assert!(exchanged.is_ok(), "hangs: {input}");
        let served = tokio::time::timeout(PATIENCE, &mut client.served).await;
        assert!(matches!(served, Ok(Ok(()))), "panics: {input}");
    })
    .await;
    let (mut judged, mut relayed) = (0, 0);
    for connection in recorder.each() {
        let shown = connection.escape_ascii();
        if !is_leniently_http(&connection) {
            relayed += usize::from(!connection.is_empty());
            continue;
        }
        match requests_in(&connection, &authority) {
            Ok(count) => judged += count,
            Err(why) => panic!("{why}: {shown}"),
        }
    }
    assert!(
        judged > 0 && relayed > 0 || std::env::var_os("ISOL8_FUZZ_SEED").is_some(),
        "{judged} requests and {relayed} other connections have left"
    );
}

/// Whether a lenient server, such as Python's, reads the first line as a request line.
fn is_leniently_http(bytes: &[u8]) -> bool {
    let is_space = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let latin_1: String = bytes.iter().copied().map(char::from).collect();
    let mut lines = latin_1.split_inclusive('\n');
    let Some(line) = lines.find(|line| !line.trim_matches(is_space).is_empty()) else {
        return false;
    };
    let words: Vec<&str> = line
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    let (&[method, target], rest) = words.split_first_chunk::<2>().unwrap_or((&["", ""], &[]));
    let is_binary = target.starts_with(|c: char| c.is_ascii_control()) || line.contains('\0');
    let known_method = method.bytes().all(|byte| byte.is_ascii_uppercase());
    if !line.ends_with('\n') || !method.chars().all(is_token) || is_binary && !known_method {
        return false;
    }
    match rest.last() {
        Some(version) => version.to_ascii_uppercase().starts_with("HTTP/"),
        None => method == "GET" && (target.starts_with('/') || target.contains("://")),
    }
}

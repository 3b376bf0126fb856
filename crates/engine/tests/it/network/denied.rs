//! A denied request sends nothing: the namespace's counters of connections and packets do not change.

use isol8_api::result::NetworkAction;
use serde_json::{Value, json};

use isol8_engine::Engine;

use super::{
    traffic::traffic,
    world::{World, filtered},
};
use crate::common::run;

/// Sends each of `requests`, bytes in Latin-1, to the proxy's port. Returns the first line of each answer.
const RAW: &str = "import json, socket
for request in json.load(open('/sandbox/requests.json')):
    with socket.create_connection(('127.0.0.1', 8118)) as proxy:
        proxy.settimeout(10)
        proxy.sendall(request.encode('latin-1'))
        try: answer = proxy.recv(4096)
        except ConnectionError: answer = b''
        print(answer.split(b'\\r\\n')[0].decode('latin-1') or 'closed')";

async fn raw(engine: &Engine, requests: &[String]) -> (Vec<String>, Value) {
    let request = json!({
        "runtime": "python", "code": RAW,
        "files": {"/sandbox/requests.json": json!(requests).to_string()},
    });
    let result = run(engine, request).await.unwrap();
    assert_eq!((result.stderr.as_str(), result.exit_code), ("", 0));
    let answers = result.stdout.lines().map(str::to_owned).collect();
    (answers, serde_json::to_value(result.network_logs).unwrap())
}

/// Hosts that the whitelist of `^a\.test$` does not allow, or that nothing allows.
const HOSTS: &[&str] = &[
    "b.test",
    "B.TEST",
    "b.test.",
    "xa.test",
    "a.test.evil",
    "sub.a.test",
    "a.test%00.evil",
    "xn--bcher-kva.test",
    "b\u{fc}cher.test",
    "data-in-a-label.exfiltration.test",
    "9.9.9.9",
    "151587081",
    "0x9090909",
    "011.011.011.011",
    "9.9.2313",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "10.0.0.5",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "[fd00::5]",
    "[2620:fe::fe]",
    "[fe80::1%25lo]",
];

fn forms(host: &str) -> [String; 3] {
    [
        format!("GET http://{host}/hello HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n"),
        format!("CONNECT {host}:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"),
    ]
}

fn refused(answer: &str) -> bool {
    answer == "closed" || answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn no_spelling_of_a_denied_host_sends_a_byte() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let requests: Vec<_> = HOSTS.iter().flat_map(|host| forms(host)).collect();
    let before = traffic();
    let (answers, logs) = raw(&engine, &requests).await;
    assert_eq!(traffic(), before);
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(refused(answer), "{request:?}: {answer}");
    }
    assert_eq!(answers.len(), requests.len());
    for entry in logs.as_array().unwrap() {
        assert_eq!(entry["action"], "BLOCK", "{entry}");
    }
    // Allowed requests pass in the same network.
    let allowed =
        forms("A.Test.").map(|form| form.replace("CONNECT A.Test.:443", "CONNECT a.test:443"));
    let (answers, _) = raw(&engine, &allowed).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with("HTTP/1.1 200")),
        "{answers:?}"
    );
    assert_eq!(world.take_seen().len(), 1);
    assert_ne!(traffic(), before);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn malformed_and_smuggled_requests_send_nothing_to_a_denied_host() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let requests: Vec<String> = [
        "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test@b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://b.test\\@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://b.test#@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://b.test\0.a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test\0/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test\u{1}/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
        "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test:0/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test:99999/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test:443@b.test:443 HTTP/1.1\r\n\r\n",
        "POST http://b.test/ HTTP/1.1\r\nHost: b.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST http://b.test/ HTTP/1.1\r\nHost: b.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST http://b.test/ HTTP/1.1\r\nHost: b.test\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\0garbage\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    .map(str::to_owned)
    .into();
    let before = traffic();
    let (answers, _) = raw(&engine, &requests).await;
    assert_eq!(traffic(), before, "{answers:?}");
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(!answer.starts_with("HTTP/1.1 2"), "{request:?}: {answer}");
    }
    assert!(world.take_seen().is_empty());
    engine.stop().await;
}

/// No whitelist opens these addresses, neither one that matches everything nor an absent one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn this_machine_and_metadata_are_out_of_reach_of_every_rule() {
    let world = World::new().await;
    let never = [
        "meta.test",
        "local.test",
        "own.test",
        "198.51.100.1",
        "[2001:db8:1::1]",
        "mapped.test",
        "zero.test",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "[::ffff:a9fe:a9fe]",
        "localhost",
    ];
    for whitelist in [&[".*"][..], &[]] {
        let engine = filtered(whitelist, &json!({}));
        let requests: Vec<_> = never.iter().flat_map(|host| forms(host)).collect();
        let before = traffic();
        let (answers, _) = raw(&engine, &requests).await;
        // This machine resolves the one name that is looked up, without a packet.
        assert_eq!(traffic(), before, "{answers:?}");
        for (request, answer) in requests.iter().zip(&answers) {
            assert!(refused(answer), "{whitelist:?} {request:?}: {answer}");
        }
        assert!(world.take_seen().is_empty());
        engine.stop().await;
    }
    // A whitelist that matches everything opens no private network, either.
    let engine = filtered(&[".*"], &json!({}));
    let requests: Vec<_> = ["private.test", "10.0.0.5", "[fd00::5]"]
        .iter()
        .flat_map(|host| forms(host))
        .collect();
    let before = traffic();
    let (answers, _) = raw(&engine, &requests).await;
    assert_eq!(traffic(), before);
    assert!(answers.iter().all(|answer| refused(answer)), "{answers:?}");
    engine.stop().await;
    // Without a whitelist, private networks and uncommon ports are blocked.
    let engine = filtered(&[], &json!({}));
    let requests: Vec<_> = ["private.test", "10.0.0.5", "[fd00::5]", "meta6.test"]
        .iter()
        .flat_map(|host| forms(host))
        .chain(["GET http://a.test:8080/hello HTTP/1.1\r\nHost: a.test\r\n\r\n".to_owned()])
        .collect();
    let before = traffic();
    let (answers, _) = raw(&engine, &requests).await;
    assert_eq!(traffic(), before);
    assert!(answers.iter().all(|answer| refused(answer)), "{answers:?}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_tunnel_carries_only_tls_to_its_own_host() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let code = "import socket, ssl
def tunnel():
    proxy = socket.create_connection(('127.0.0.1', 8118)); proxy.settimeout(10)
    proxy.sendall(b'CONNECT a.test:443 HTTP/1.1\\r\\nHost: a.test:443\\r\\n\\r\\n')
    proxy.recv(4096)
    return proxy
with tunnel() as t:
    t.sendall(b'GET /hello HTTP/1.1\\r\\nHost: b.test\\r\\n\\r\\n')
    try: print('plain', t.recv(100))
    except ConnectionError: print('plain', b'')
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
for name in ('b.test', None):
    with tunnel() as t:
        try: print(name, context.wrap_socket(t, server_hostname=name).version())
        except OSError as error: print(name, 'broken')
with tunnel() as t: print(context.wrap_socket(t, server_hostname='a.test').version())";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!(
        result.stdout, "plain b''\nb.test broken\nNone broken\nTLSv1.3",
        "{result:?}"
    );
    let actions: Vec<_> = result
        .network_logs
        .unwrap()
        .iter()
        .map(|entry| entry.action)
        .collect();
    let (block, allow) = (NetworkAction::Block, NetworkAction::Allow);
    assert_eq!(actions, [block, block, block, allow]);
    assert!(world.take_seen().is_empty());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_redirect_to_a_denied_host_ends_at_the_filter() {
    let handler = |_: &str, path: &str, _: &bytes::Bytes| {
        (path == "/page")
            .then(|| b"<meta http-equiv=refresh content='0; url=http://b.test/'>".to_vec())
    };
    let world = World::with([].into(), std::sync::Arc::new(handler)).await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let code = "import re, urllib.request, urllib.error
page = urllib.request.urlopen('http://a.test/page').read().decode()
try: urllib.request.urlopen(re.search(r'url=([^\\']*)', page)[1])
except urllib.error.HTTPError as error: print(error.code, error.read().decode())";
    let result = run(&engine, world.request("python", code)).await.unwrap();
    assert_eq!(
        result.stdout,
        "403 isol8: request to b.test blocked by network filter: networkFilter.whitelist can allow it",
        "{result:?}"
    );
    assert_eq!(world.take_seen().len(), 1);
    engine.stop().await;
}

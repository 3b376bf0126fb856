//! Logs, usage and audit of a run. They have the requests of that run only.

use std::time::Duration;

use isol8_engine::Engine;

use serde_json::{Value, json};

use super::world::{World, filtered};
use crate::common::{request, run, try_engine, until};

const MIXED: &str = "import urllib.request, urllib.error
urllib.request.urlopen('http://a.test/hello?key=Hunter2')
for url in ('http://b.test/Hunter2/x', 'http://hunter2.b.test/', 'http://b.test/Hunter2/x', 'http://private.test/'):
    try: urllib.request.urlopen(url)
    except urllib.error.HTTPError as error: print(error.code)";

fn decisions(logs: &Value) -> Vec<(&str, &str, &str)> {
    let entries = logs.as_array().unwrap().iter();
    entries
        .map(|entry| {
            let part = |name: &str| entry[name].as_str().unwrap_or("null");
            (part("host"), part("path"), part("action"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn results_streams_and_the_audit_have_the_same_log_without_secrets() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let engine = filtered(
        // The second entry opens no private address.
        &["^a\\.test$", "^private"],
        &json!({
            "secrets": {"KEY": "Hunter2"},
            "audit": {"enabled": true, "logDir": directory.path(), "includeOutput": true},
        }),
    );
    let expected = [
        ("a.test", "/hello", "ALLOW"),
        ("b.test", "/***/x", "BLOCK"),
        ("***.b.test", "/", "BLOCK"),
        ("private.test", "/", "BLOCK"),
    ];
    let source = json!({"runtime": "python", "code": MIXED});
    let result = run(&engine, source.clone()).await.unwrap();
    let result = serde_json::to_value(result).unwrap();
    assert_eq!(decisions(&result["networkLogs"]), expected);
    let counts = [0, 1, 2, 3].map(|index| &result["networkLogs"][index]["count"]);
    assert_eq!(
        counts,
        [&Value::Null, &json!(2), &Value::Null, &Value::Null]
    );
    assert_eq!(result.get("networkLogsDropped"), None);

    let mut stream = engine.stream(request(source));
    while stream.recv().await.is_some() {}
    let streamed = stream.take_result().unwrap();
    assert!(streamed.resource_usage.unwrap().network_bytes_in > 0);
    let streamed = serde_json::to_value(streamed).unwrap();
    assert_eq!(decisions(&streamed["networkLogs"]), expected);

    let log = std::fs::read_to_string(directory.path().join("executions.log")).unwrap();
    assert!(!log.to_lowercase().contains("hunter2"), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!(decisions(&line["networkLogs"]), expected);
        assert_eq!(line["stdout"], "403\n403\n403\n403");
        assert_eq!(line.get("securityEventsDropped"), None);
        let events = line["securityEvents"].as_array().unwrap();
        assert_eq!(events.len(), 3);
        assert_eq!(events[0]["type"], "network_blocked");
        assert_eq!(
            events[0]["details"],
            json!({"method": "GET", "host": "b.test", "reason": "filter_mismatch", "count": 2})
        );
        assert_eq!(
            events[2]["message"],
            "GET to private.test blocked by network filter: its address is private, and allowPrivate does not list it"
        );
        assert_eq!(events[2]["details"]["reason"], "private_address");
    }
    assert_eq!(world.take_seen().len(), 2);
    engine.stop().await;
}

/// The audit log has the attempts of a program also when the caller gives the execution up.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn the_audit_of_a_cancelled_execution_has_its_security_events() {
    let _world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let audit = json!({"audit": {"enabled": true, "logDir": directory.path()}});
    let engine = filtered(&["^a\\.test$"], &audit);
    let code = "import urllib.request, urllib.error, time
try: urllib.request.urlopen('http://b.test/')
except urllib.error.HTTPError as error: print(error.code, flush=True)
time.sleep(60)";
    let mut stream = engine.stream(request(json!({"runtime": "python", "code": code})));
    assert_eq!(stream.recv().await.unwrap().data.trim(), "403");
    drop(stream);
    engine.stop().await;
    let log = std::fs::read_to_string(directory.path().join("executions.log")).unwrap();
    let line: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(
        line["securityEvents"][0]["details"]["host"], "b.test",
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn durations_and_bytes_are_measured() {
    const DELAY: Duration = Duration::from_millis(300);
    let handler = |_: &str, path: &str, _: &bytes::Bytes| {
        (path == "/slow").then(|| {
            std::thread::sleep(DELAY);
            vec![b'x'; 50_000]
        })
    };
    let _world = World::with([].into(), std::sync::Arc::new(handler)).await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let code = "import urllib.request
print(len(urllib.request.urlopen('http://a.test/slow', data=b'y' * 100_000).read()))";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!(result.stdout, "50000", "{result:?}");
    let [entry] = &result.network_logs.as_deref().unwrap() else {
        panic!("{result:?}")
    };
    assert!(
        Duration::from_millis(entry.duration_ms) >= DELAY,
        "{entry:?}"
    );
    let usage = result.resource_usage.as_ref().unwrap();
    // The bytes beyond the bodies are the heads.
    for (counted, body) in [
        (usage.network_bytes_in, 50_000),
        (usage.network_bytes_out, 100_000),
    ] {
        assert!((body..body + 1000).contains(&counted), "{usage:?}");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_log_belongs_to_one_run_and_nothing_outlives_it() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({"mode": "persistent"}));
    // A process that stays behind keeps sending requests, and counts those that fail.
    let code = "import os, subprocess, sys, time
subprocess.Popen([sys.executable, '-c', '''
import os, urllib.request, time
failed = 0
while True:
    try:
        urllib.request.urlopen('http://a.test/hello').read()
        open('/sandbox/reached', 'w').close()
    except Exception:
        failed += 1
        with open('/sandbox/new', 'w') as file: file.write(str(failed))
        os.rename('/sandbox/new', '/sandbox/failed')
        time.sleep(0.01)
'''], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists('/sandbox/reached'): time.sleep(0.01)";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!((result.exit_code, result.stderr.as_str()), (0, ""));
    // The stray process uses the run's network while there is a run, and its requests are the run's.
    let logged = result.network_logs.unwrap();
    assert!(!logged.is_empty());
    assert!(world.take_seen().len() >= logged.len());
    // Requests that had begun by then are over after a few failures.
    until_failed(&engine, 10).await;
    world.take_seen();
    until_failed(&engine, 30).await;
    assert!(world.take_seen().is_empty(), "no run, no network");
    engine.stop().await;
}

/// Waits until the process in the sandbox has failed to reach the network this often.
async fn until_failed(engine: &Engine, times: u32) {
    until("the stray process goes on asking", async || {
        let failed = engine.get_file("/sandbox/failed").await;
        failed.is_ok_and(|text| String::from_utf8(text).unwrap().parse::<u32>().unwrap() >= times)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn bytes_in_a_tunnel_are_sent_although_nobody_waits_for_them() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let code = "import os, socket, ssl
proxy = socket.create_connection(('127.0.0.1', 8118))
proxy.sendall(b'CONNECT a.test:443 HTTP/1.1\\r\\nHost: a.test:443\\r\\n\\r\\n')
proxy.recv(4096)
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
tls = context.wrap_socket(proxy, server_hostname='a.test')
tls.sendall(b'POST /beacon HTTP/1.1\\r\\nHost: a.test\\r\\nContent-Length: 2\\r\\n\\r\\nhi')
os._exit(0)";
    for _ in 0..5 {
        run(&engine, json!({"runtime": "python", "code": code}))
            .await
            .unwrap();
    }
    until("five beacons arrive", async || world.seen() == 5).await;
    engine.stop().await;
}

/// Network load delays neither the time limit nor output.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_sandbox_under_load_still_obeys() {
    let _world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({"timeoutMs": 8000}));
    let code = "import threading, time, urllib.request
def load():
    with urllib.request.urlopen('http://a.test/endless') as body:
        while body.read(65536): pass
for _ in range(32): threading.Thread(target=load, daemon=True).start()
while True:
    print(time.time(), flush=True); time.sleep(0.1)";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!(result.exit_code, 137);
    assert!(result.stdout.lines().count() >= 5, "{result:?}");
    let bytes = result.resource_usage.unwrap().network_bytes_in;
    assert!(bytes > 1_000_000);
    engine.stop().await;
}

#[test]
fn an_invalid_filter_is_refused_when_the_engine_is_made() {
    for (filter, message) in [
        (json!({"whitelist": ["("]}), "whitelist: \"(\""),
        (json!({"blacklist": ["a", "[b"]}), "blacklist: \"[b\""),
        (json!({"allowPrivate": ["not a host"]}), "allowPrivate"),
        (
            json!({"hosts": {"a.test": "nowhere"}}),
            "\"a.test\": \"nowhere\"",
        ),
        (json!({"ports": [0]}), "networkFilter.ports: 0"),
    ] {
        for network in ["none", "filtered", "host"] {
            let options = json!({"network": network, "networkFilter": filter});
            let error = try_engine(options).err().unwrap();
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.code().as_str(), "ISOL8_INVALID_OPTION");
        }
    }
}

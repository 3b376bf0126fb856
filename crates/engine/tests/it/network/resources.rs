//! What one program can make the host hold.

use serde_json::{Value, json};

use super::world::{World, filtered, silent_host};
use crate::common::{request, run};

/// Fills as many tunnels to a silent host as it can get, and reports how many there are and what they took.
const FILL: &str = r"import socket, time
tunnels = []
while len(tunnels) < 300:
    try:
        tunnel = socket.create_connection(('127.0.0.1', 8118), timeout=10)
        tunnel.sendall(b'CONNECT a.test:9000 HTTP/1.1\r\n\r\n')
        if not tunnel.recv(4096).startswith(b'HTTP/1.1 200'): break
    except OSError: break
    tunnel.setblocking(False)
    tunnels.append(tunnel)
chunk = b'x\n' + bytes(65536)
taken = 0
moved = time.time()
while time.time() - moved < 2:
    for tunnel in tunnels:
        try:
            taken += tunnel.send(chunk)
            moved = time.time()
        except BlockingIOError: pass
    time.sleep(0.01)
print(len(tunnels), taken, flush=True)
time.sleep(600)";

/// Resident memory of this process, in bytes.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse().ok())
        .unwrap();
    kib * 1024
}

/// What the sockets of this namespace hold unsent, in bytes.
fn queued_bytes() -> u64 {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let queues = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(4));
    let sent = queues.filter_map(|queues| queues.split(':').next());
    sent.map(|bytes| u64::from_str_radix(bytes, 16).unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn tunnels_to_a_silent_host_hold_a_bounded_part_of_the_hosts_memory() {
    const MIB: u64 = 1024 * 1024;
    silent_host(9000).await;
    let engine = filtered(&["^a\\.test$"], &json!({"timeoutMs": 120_000}));
    run(&engine, json!({"runtime": "python", "code": "1"}))
        .await
        .unwrap();
    let before = resident_bytes();
    let mut stream = engine.stream(request(json!({"runtime": "python", "code": FILL})));
    // A line may come in several pieces.
    let mut line = String::new();
    while !line.ends_with('\n') {
        line += &stream.recv().await.unwrap().data;
    }
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let grown = resident_bytes().saturating_sub(before);
    let [tunnels, taken] = numbers[..] else {
        panic!("{line}")
    };
    // As many as a guest has at one time, and something went into each.
    assert!(tunnels >= 200 && taken > tunnels * 64 * 1024, "{line}");
    // Measured: 59 MiB, of which 16 are copy buffers.
    assert!(grown < 160 * MIB, "{grown} bytes");
    let queued = queued_bytes();
    assert!(queued < 64 * MIB, "{queued} bytes in sockets");
    drop(stream);
    engine.stop().await;
}

/// Asks for one denied host often, for many denied hosts, and for the first one again.
const FLOOD: &str = r"import socket
proxy = socket.create_connection(('127.0.0.1', 8118), timeout=30)
answers = proxy.makefile('rb')
def ask(hosts):
    proxy.sendall(b''.join(b'GET http://%s/ HTTP/1.1\r\n\r\n' % host.encode() for host in hosts))
    for host in hosts:
        length = 0
        while (line := answers.readline()) != b'\r\n':
            name, _, value = line.partition(b':')
            if name.lower() == b'content-length': length = int(value)
        answer = answers.read(length)
    return answer.decode()
for _ in range(10): ask(['b.test'] * 50)
for first in range(0, 4500, 50): ask([f'{index}.test' for index in range(first, first + 50)])
print(ask(['b.test']))";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_flood_of_blocked_requests_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let engine = filtered(
        &["^a\\.test$"],
        &json!({"audit": {"enabled": true, "logDir": directory.path()}}),
    );
    let source = json!({"runtime": "python", "code": FLOOD});
    let result = run(&engine, source).await.unwrap();
    let expected = "isol8: request to b.test blocked by network filter";
    assert!(result.stdout.starts_with(expected), "{result:?}");
    let result = serde_json::to_value(result).unwrap();
    let logged = result["networkLogs"].as_array().unwrap();
    assert_eq!(
        (&logged[0]["host"], &logged[0]["count"]),
        (&json!("b.test"), &json!(501))
    );
    let dropped = result["networkLogsDropped"].as_u64().unwrap();
    assert_eq!(logged.len() as u64 - 1 + dropped, 4500);
    // The log is written in the background.
    engine.stop().await;
    let log = std::fs::read_to_string(directory.path().join("executions.log")).unwrap();
    let line: Value = serde_json::from_str(&log).unwrap();
    let events = line["securityEvents"].as_array().unwrap();
    assert_eq!(events.len(), logged.len());
    assert_eq!(events[0]["details"]["count"], 501);
    assert_eq!(line["securityEventsDropped"], dropped);
}

/// The log of one run takes no room from that of the next.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn each_run_of_a_session_has_the_whole_log() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$"], &json!({"mode": "persistent"}));
    run(&engine, json!({"runtime": "python", "code": FLOOD}))
        .await
        .unwrap();
    let code = "import urllib.request; urllib.request.urlopen('http://a.test/hello')";
    let result = run(&engine, json!({"runtime": "python", "code": code}))
        .await
        .unwrap();
    assert_eq!(result.network_logs.map(|log| log.len()), Some(1));
    assert_eq!(result.network_logs_dropped, None);
    assert_eq!(world.take_seen().len(), 1);
    engine.stop().await;
}

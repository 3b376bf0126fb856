//! The proxy port: which processes it serves, what it carries, and that it does not delay other requests.

use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use isol8_protocol::{ErrorKind, ExecRequest, ExitStatus, MAX_EGRESS_STREAMS, ProxyPort, Request};

use crate::common::{Sandbox, program, sh, within};

/// A Python program that may use the proxy.
fn python(code: &str) -> ExecRequest {
    ExecRequest {
        proxy: ProxyPort::Open,
        ..program(&["python3", "-c", code])
    }
}

const CONNECT: &str = "import socket, sys
def proxy():
    s = socket.create_connection(('127.0.0.1', 8118)); s.settimeout(20); return s
";

#[tokio::test]
async fn bytes_and_ends_pass_in_both_directions() {
    let mut sandbox = Sandbox::start().await;
    let code = format!(
        "{CONNECT}
s = proxy(); s.sendall(b'ping'); s.shutdown(socket.SHUT_WR)
got = b''
while (part := s.recv(65536)): got += part
print(len(got), got[:4])"
    );
    let mut exec = sandbox.send(&Request::Exec(python(&code))).await;
    let mut stream = within(sandbox.inbound.recv()).await.unwrap();
    let mut heard = Vec::new();
    within(stream.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"ping");
    // One direction has ended. The other one still carries more than any buffer holds.
    let answer = b"pong".repeat(1_000_000);
    within(stream.write_all(&answer)).await.unwrap();
    within(stream.close()).await.unwrap();
    let done = exec.finish().await;
    assert_eq!(done.stdout(), "4000000 b'pong'\n");
}

#[tokio::test]
async fn a_connection_that_the_host_gives_up_is_reset_for_the_program() {
    let mut sandbox = Sandbox::start().await;
    let code = format!(
        "{CONNECT}
s = proxy(); s.sendall(b'x'); print(s.recv(4), flush=True)
try: print(s.recv(4))
except ConnectionResetError: print('reset')"
    );
    let mut exec = sandbox.send(&Request::Exec(python(&code))).await;
    let mut stream = within(sandbox.inbound.recv()).await.unwrap();
    within(stream.write_all(b"half")).await.unwrap();
    let (_, heard) = exec.next().await.unwrap();
    assert_eq!(heard, b"b'half'\n");
    drop(stream);
    assert_eq!(exec.finish().await.stdout(), "reset\n");
}

#[tokio::test]
async fn only_permitted_programs_find_the_port() {
    let sandbox = Sandbox::start().await;
    let attempt = format!(
        "{CONNECT}
try: proxy(); print('open')
except ConnectionRefusedError: print('closed')"
    );
    let ask = async |proxy| {
        let request = ExecRequest {
            proxy,
            ..python(&attempt)
        };
        sandbox.exec(request).await.stdout()
    };
    assert_eq!(ask(ProxyPort::Closed).await, "closed\n");
    assert_eq!(ask(ProxyPort::Open).await, "open\n");
    assert_eq!(ask(ProxyPort::Open).await, "open\n");
    assert_eq!(ask(ProxyPort::Closed).await, "closed\n");
    assert_eq!(ask(ProxyPort::Open).await, "open\n");
    assert_eq!(ask(ProxyPort::Program).await, "open\n");
    sandbox.must_reset().await;
    let listening = "grep -c ' 0100007F:1FB6 00000000:0000 0A' /proc/net/tcp || true";
    assert_eq!(sandbox.sh(listening).await, "0\n");
}

#[tokio::test]
async fn a_port_for_one_program_serves_no_other_process() {
    let mut sandbox = Sandbox::start().await;
    // One that an earlier program has left behind asks all the time, and opens connections in
    // advance. It counts what it is answered.
    let stray = format!(
        "{CONNECT}
import os, time
if os.fork() == 0:
    os.setsid(); ready = False
    while not os.path.exists('/sandbox/stop'):
        try:
            s = proxy(); s.sendall(b'stray')
            if s.recv(1): open('/sandbox/answered', 'w')
        except OSError: pass
        if not ready: ready = True; open('/sandbox/ready', 'w')
        time.sleep(0.001)
    open('/sandbox/stopped', 'w')
    os._exit(0)
while not os.path.exists('/sandbox/ready'): time.sleep(0.001)"
    );
    let keep = |code: &str, proxy| ExecRequest {
        after_exit: isol8_protocol::AfterExit::Keep,
        proxy,
        ..python(code)
    };
    sandbox.exec(keep(&stray, ProxyPort::Closed)).await;

    // The program itself, one of its children, and one with an IPv6 socket.
    let own = format!(
        "{CONNECT}
import os, time
def ask(s):
    s.settimeout(20); s.sendall(b'mine'); return s.recv(4)
time.sleep(0.1)
print(ask(proxy()), flush=True)
six = socket.socket(socket.AF_INET6); six.connect(('::ffff:127.0.0.1', 8118)); print(ask(six), flush=True)
if os.fork() == 0: os.setsid(); print(ask(proxy()), flush=True); os._exit(0)
os.wait()"
    );
    let mut exec = sandbox
        .send(&Request::Exec(keep(&own, ProxyPort::Program)))
        .await;
    for _ in 0..3 {
        let mut stream = within(sandbox.inbound.recv()).await.unwrap();
        let mut heard = [0; 4];
        within(stream.read_exact(&mut heard)).await.unwrap();
        assert_eq!(&heard, b"mine");
        within(stream.write_all(b"done")).await.unwrap();
    }
    assert_eq!(exec.finish().await.stdout(), "b'done'\n".repeat(3));
    assert!(
        sandbox.inbound.try_recv().is_err(),
        "nobody else came through"
    );

    // It does ask: a port for everyone serves it. Dropped, the request would be taken back.
    let _open = sandbox
        .send(&Request::Exec(python("import time; time.sleep(20)")))
        .await;
    let mut stream = within(sandbox.inbound.recv()).await.unwrap();
    let mut heard = [0; 5];
    within(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"stray");
}

#[tokio::test]
async fn closing_the_port_ends_its_connections() {
    let mut sandbox = Sandbox::start().await;
    let code = format!(
        "{CONNECT}
import os
if os.fork() == 0:
    os.setsid(); s = proxy(); s.sendall(b'x'); open('/sandbox/ready', 'w')
    try: s.recv(1); open('/sandbox/end', 'w').write('end')
    except OSError: open('/sandbox/end', 'w').write('reset')
    os._exit(0)"
    );
    let request = ExecRequest {
        after_exit: isol8_protocol::AfterExit::Keep,
        ..python(&code)
    };
    sandbox.exec(request).await;
    let mut stream = within(sandbox.inbound.recv()).await.unwrap();
    let request = ExecRequest {
        after_exit: isol8_protocol::AfterExit::Keep,
        ..sh("until [ -s /sandbox/end ]; do sleep 0.01; done; cat /sandbox/end")
    };
    // Closed without a word to the program, or with an end: it can use the connection no more.
    let told = sandbox.exec(request).await.stdout();
    assert!(["end", "reset"].contains(&told.as_str()), "{told}");
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"x");
}

/// The first sixteen connections have a large send buffer in the guest, for fast downloads. Further ones have that of the
/// sandbox's network, so that many of them need little memory.
#[tokio::test]
async fn only_a_few_connections_hold_much_for_a_program_that_does_not_read() {
    let mut sandbox = Sandbox::start().await;
    // The columns of /proc/net/tcp: the second is the local address, the fifth what is sent and not acknowledged.
    let code = format!(
        "{CONNECT}
import time
def held():
    rows = [line.split() for line in open('/proc/net/tcp')]
    return sorted(int(row[4].split(':')[0], 16) for row in rows if row[1].endswith(':1FB6') and row[3] == '01')
connections = []
for _ in range(20): s = proxy(); s.sendall(b'x'); connections.append(s)
before, now = None, held()
while before != now or 0 in now: time.sleep(0.2); before, now = now, held()
print(*now)"
    );
    let mut exec = sandbox.send(&Request::Exec(python(&code))).await;
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut stream = within(sandbox.inbound.recv()).await.unwrap();
        streams.spawn(async move { while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {} });
    }
    let stdout = exec.finish().await.stdout();
    let held: Vec<usize> = stdout
        .split_whitespace()
        .map(|bytes| bytes.parse().unwrap())
        .collect();
    let (few, large) = held.split_at(4);
    eprintln!("held: {few:?}, {large:?}");
    assert_eq!(large.len(), 16, "{stdout}");
    assert!(few.iter().all(|&bytes| bytes <= 128 * 1024), "{stdout}");
    assert!(large.iter().all(|&bytes| bytes > 128 * 1024), "{stdout}");
    assert!(large.iter().all(|&bytes| bytes <= 416 * 1024), "{stdout}");
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let sandbox = Sandbox::start().await;
    let code = "import os, socket, time
s = socket.socket(); s.bind(('127.0.0.1', 8118)); s.listen()
if os.fork() == 0: os.setsid(); time.sleep(60)";
    let squatter = ExecRequest {
        after_exit: isol8_protocol::AfterExit::Keep,
        ..program(&["python3", "-c", code])
    };
    sandbox.exec(squatter).await;
    let (kind, _, message) = sandbox.exec(python("")).await.failure();
    assert_eq!(kind, ErrorKind::System);
    assert!(message.contains("127.0.0.1:8118"), "{message}");
    sandbox.must_reset().await;
    let report = sandbox.exec(python("")).await.report();
    assert_eq!(report.status, ExitStatus::Code(0));
}

/// Each frame needs memory of the host until it is read, even if it is small.
#[tokio::test]
async fn single_bytes_are_sent_in_larger_pieces_after_a_while() {
    let mut sandbox = Sandbox::start().await;
    let code = format!(
        "{CONNECT}
s = proxy(); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for i in range(60_000):
    s.send(bytes([i % 251]))
    for _ in range(400): pass"
    );
    let begun = Instant::now();
    let mut exec = sandbox.send(&Request::Exec(python(&code))).await;
    let mut stream = within(sandbox.inbound.recv()).await.unwrap();
    let (mut heard, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = within(stream.next()).await {
        heard.extend_from_slice(piece.unwrap().as_ref());
        pieces += 1;
    }
    let sent: Vec<u8> = (0..60_000_u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    assert!(heard == sent, "{} bytes", heard.len());
    // A burst, and then one each millisecond.
    let most = 16 * 1024 + begun.elapsed().as_millis() + 60_000 / 32;
    assert!(pieces <= most, "{pieces} pieces, at most {most}");
    let report = exec.finish().await.report();
    assert_eq!(report.status, ExitStatus::Code(0));
}

/// The largest number of connections, all of them busy in both directions, and a few that wait.
#[tokio::test]
async fn a_sandbox_under_load_answers() {
    let mut sandbox = Sandbox::start().await;
    let idle = latency(&sandbox).await;
    let code = format!(
        "{CONNECT}
import selectors, time
selector = selectors.DefaultSelector()
for _ in range({}):
    s = socket.socket(); s.connect(('127.0.0.1', 8118)); s.sendall(b'x'); s.setblocking(False)
    selector.register(s, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        try: key.fileobj.recv(1 << 16)
        except OSError: pass",
        MAX_EGRESS_STREAMS + 8
    );
    let _load = sandbox.send(&Request::Exec(python(&code))).await;
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..MAX_EGRESS_STREAMS {
        let mut stream = within(sandbox.inbound.recv()).await.unwrap();
        streams.spawn(async move {
            let chunk = vec![b'x'; 16 * 1024];
            while stream.write_all(&chunk).await.is_ok() {}
        });
    }
    let more = tokio::time::timeout(Duration::from_millis(300), sandbox.inbound.recv()).await;
    assert!(more.is_err(), "the rest waits to be accepted");
    // Each of its requests has a limit.
    let loaded = latency(&sandbox).await;
    eprintln!("a file read takes {idle:?} idle, {loaded:?} beside 256 busy connections");
}

/// The middle of eleven writes and reads of a file.
async fn latency(sandbox: &Sandbox) -> Duration {
    let mut took = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        sandbox.write("/sandbox/note", b"x").await;
        assert_eq!(sandbox.read("/sandbox/note").await, Ok(b"x".to_vec()));
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

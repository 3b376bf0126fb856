//! The kind of link to a guest. It is a socket where the daemon is on this machine. It is the attached streams
//! where the daemon is elsewhere or a socket cannot be used. A relay in front of the real daemon makes these
//! cases.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_docker::DockerAddress;
use isol8_engine::{Engine, options::Options};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use crate::common::engine_on;

/// The daemon's own socket.
const DAEMON: &str = "/var/run/docker.sock";

/// The path of the link's socket inside a sandbox.
const LINK: &str = "/.isol8-link";

/// How a relay changes the creation of a container.
mod relay {
    pub(super) const NOTHING: u8 = 0;
    /// The daemon does not find the socket.
    pub(super) const LOSE_SOCKET: u8 = 1;
    /// The socket is mounted at a path that the guest does not use.
    pub(super) const HIDE_SOCKET: u8 = 2;
}

fn engine_at(address: DockerAddress, options: Value) -> Engine {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    engine_on(address, Options::try_from(raw).unwrap(), 4).unwrap()
}

/// Runs a program in a new sandbox of its own. Returns its output.
async fn run(address: &DockerAddress, code: &str) -> String {
    let engine = engine_at(
        address.clone(),
        json!({"poolSize": {"clean": 0, "dirty": 0}}),
    );
    let output = run_on(&engine, code).await;
    engine.stop().await;
    output
}

async fn run_on(engine: &Engine, code: &str) -> String {
    let request = json!({"runtime": "python", "code": code});
    let request: ExecutionRequest = serde_json::from_value(request).unwrap();
    let result = engine.execute(request, CancellationToken::new()).await;
    let result = result.unwrap();
    assert_eq!((result.stderr.as_str(), result.exit_code), ("", 0));
    result.stdout
}

/// A program that prints what it can do with the socket of its sandbox's link.
fn probe() -> String {
    format!(
        "import os, socket
if not os.path.exists('{LINK}'):
    print('none')
else:
    try:
        socket.socket(socket.AF_UNIX).connect('{LINK}')
        print('connected')
    except OSError as error:
        print(os.getuid(), type(error).__name__)"
    )
}

/// The output of [`probe`] in a sandbox that is linked by a socket.
const DIRECT: &str = "100 ConnectionRefusedError";

/// The output of [`probe`] in a sandbox whose link is its standard streams.
const ATTACHED: &str = "none";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_connect_to_no_link() {
    let engine = engine_at(DockerAddress::default(), json!({}));
    // Several at once, so that there are several sockets. The second round uses warm sandboxes.
    for _ in 0..2 {
        let code = format!("{}\nimport time; time.sleep(0.5)", probe());
        let runs = (0..3).map(|_| run_on(&engine, &code));
        for said in futures::future::join_all(runs).await {
            assert_eq!(said, DIRECT);
        }
    }
    engine.stop().await;
}

/// A program that prints what it finds of a network: the interfaces and their addresses, the names of this
/// machine, and the result of looking up other names.
const NETWORK: &str = "import os, socket
print(socket.if_nameindex(), open('/proc/net/route').read().count('\\n'))
print(socket.getaddrinfo('localhost', 80, socket.AF_INET, socket.SOCK_STREAM))
print(socket.gethostbyaddr('127.0.0.1')[0], socket.gethostname() == open('/etc/hostname').read().strip())
with socket.create_server(('127.0.0.1', 0)) as server:
    socket.create_connection(('localhost', server.getsockname()[1])).close()
for ask in lambda: socket.getaddrinfo('name.invalid', 80), lambda: open('/etc/hosts', 'a'):
    try: print(ask())
    except OSError as error: print(error.errno)";

/// Output of [`NETWORK`] that differs between versions of Docker.
const NO_IPV6: &str = "import os
try: print(len(open('/proc/net/if_inet6').read()))
except FileNotFoundError: print(0)";

#[tokio::test(flavor = "multi_thread")]
async fn the_network_without_the_daemon_is_the_same() {
    let here = DockerAddress::default();
    let by_daemon = run(&by_tcp().await, NETWORK).await;
    assert!(by_daemon.starts_with("[(1, 'lo')] 1\n"), "{by_daemon}");
    // The first sandbox of a daemon, and a later one, when the link kind is known.
    for _ in 0..2 {
        assert_eq!(run(&here, NETWORK).await, by_daemon);
        assert_eq!(run(&here, NO_IPV6).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_asks_little_of_the_daemon() {
    // The first sandbox on a machine fills the guest's volume.
    assert_eq!(run(&DockerAddress::default(), &probe()).await, DIRECT);
    let (address, relay, _dir) = relayed();
    let asked = async |what: &[&str]| {
        assert_eq!(run(&address, &probe()).await, DIRECT);
        let mut calls = std::mem::take(&mut *relay.calls.lock().unwrap());
        // The search for containers that were never started, and the removal, delay no program.
        calls.retain(|call| call != "GET json" && !call.starts_with("DELETE"));
        assert_eq!(calls, what);
    };
    asked(&["HEAD /_ping", "POST create", "POST attach", "POST start"]).await;
    asked(&["HEAD /_ping", "POST create", "POST start"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_reached_by_tcp_gets_no_socket() {
    assert_eq!(run(&by_tcp().await, &probe()).await, ATTACHED);
}

/// The daemon by TCP.
async fn by_tcp() -> DockerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = DockerAddress {
        host: Some(format!("tcp://{}", listener.local_addr().unwrap())),
        ..DockerAddress::default()
    };
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay_one(client, Arc::default()));
        }
    });
    address
}

/// Checks that a socket is not tried a second time after the relay has made it fail in the way of `fault`.
async fn assert_done_without(fault: u8) {
    let (address, relay, _dir) = relayed();
    relay.set(fault);
    assert_eq!(run(&address, &probe()).await, ATTACHED);
    relay.set(relay::NOTHING);
    assert_eq!(
        run(&address, &probe()).await,
        ATTACHED,
        "it is not tried again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_cannot_be_mounted_is_done_without() {
    assert_done_without(relay::LOSE_SOCKET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_cannot_connect_is_reached_by_its_standard_streams() {
    assert_done_without(relay::HIDE_SOCKET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_work_no_longer_are_given_up() {
    for way in [relay::LOSE_SOCKET, relay::HIDE_SOCKET] {
        let (address, relay, _dir) = relayed();
        assert_eq!(run(&address, &probe()).await, DIRECT);
        assert_eq!(run(&address, &probe()).await, DIRECT);
        relay.set(way);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
        relay.set(relay::NOTHING);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
    }
}

/// The state of a relay: what it changes, and the requests that it has passed on.
#[derive(Default)]
struct Relay {
    what: AtomicU8,
    /// The method of each request and what its path is about.
    calls: Mutex<Vec<String>>,
}

impl Relay {
    fn set(&self, what: u8) {
        self.what.store(what, Ordering::Relaxed);
    }

    fn note(&self, request: &[u8]) {
        let text = String::from_utf8_lossy(request);
        let mut words = text.split_whitespace();
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let path = path.split('?').next().unwrap_or("");
        let about = match path.rsplit_once('/') {
            Some(("", _)) | None => path,
            Some((_, last)) => last,
        };
        self.calls.lock().unwrap().push(format!("{method} {about}"));
    }
}

/// A daemon behind a relay. The relay can change how containers are created.
fn relayed() -> (DockerAddress, Arc<Relay>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let relay = Arc::<Relay>::default();
    tokio::spawn({
        let relay = Arc::clone(&relay);
        async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay_one(client, Arc::clone(&relay)));
            }
        }
    });
    let address = DockerAddress {
        socket_path: Some(path.to_str().unwrap().to_owned()),
        ..DockerAddress::default()
    };
    (address, relay, dir)
}

async fn relay_one(
    client: impl AsyncRead + AsyncWrite + Send + 'static,
    relay: Arc<Relay>,
) -> Option<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_daemon, mut to_daemon) = UnixStream::connect(DAEMON).await.ok()?.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_daemon, &mut to_client).await;
        let _ = to_client.shutdown().await;
    });
    let mut buffer = vec![0; 256 * 1024];
    let mut noted = false;
    loop {
        let mut length = from_client.read(&mut buffer).await.ok()?;
        if length == 0 {
            break;
        }
        if !std::mem::replace(&mut noted, true) {
            relay.note(&buffer[..length]); // One request a connection.
        }
        if buffer.starts_with(b"POST ") && is_creation(&buffer[..length]) {
            while length < whole_request(&buffer[..length])? {
                length += from_client.read(&mut buffer[length..]).await.ok()?;
            }
            change(&mut buffer[..length], relay.what.load(Ordering::Relaxed));
        }
        to_daemon.write_all(&buffer[..length]).await.ok()?;
    }
    to_daemon.shutdown().await.ok()?;
    answers.await.ok()
}

fn is_creation(request: &[u8]) -> bool {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or(&[]);
    String::from_utf8_lossy(line).contains("/containers/create")
}

/// Length of a request, from its head.
fn whole_request(request: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(request);
    let head = text.find("\r\n\r\n")? + 4;
    let lower = text[..head].to_lowercase();
    let (_, length) = lower.split_once("content-length: ")?;
    Some(head + length.split("\r\n").next()?.parse::<usize>().ok()?)
}

/// Changes the request that creates a container, but not its length.
fn change(request: &mut [u8], what: u8) {
    let text = String::from_utf8_lossy(request).into_owned();
    let Some((before, after)) = text.split_once("isol8-link-") else {
        return; // No socket of ours in it.
    };
    match what {
        relay::LOSE_SOCKET => {
            let (place, name) = (before.rsplit('"').next(), after.split('"').next());
            let path = format!("{}isol8-link-{}", place.unwrap(), name.unwrap());
            std::fs::remove_file(PathBuf::from(path)).unwrap();
        }
        relay::HIDE_SOCKET => {
            let hidden = text.replace(&format!("\"{LINK}\""), "\"/.isol8-lost\"");
            request.copy_from_slice(hidden.as_bytes());
        }
        _ => {}
    }
}

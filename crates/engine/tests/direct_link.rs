//! The link to a guest: a socket where the daemon is on this machine, the attached streams where it is
//! not or where a socket cannot be used. A relay in front of the real daemon makes the differences.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use isol8_engine::{
    Engine,
    backend::DockerAddress,
    options::{Options, RawOptions},
    request::ExecutionRequest,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

/// The daemon's own socket.
const DAEMON: &str = "/var/run/docker.sock";

/// Where a guest finds the socket of its link.
const LINK: &str = "/.isol8-link";

/// What a relay does to the creation of a container.
mod relay {
    pub(super) const NOTHING: u8 = 0;
    /// The socket is gone when the daemon looks for it.
    pub(super) const LOSE_SOCKET: u8 = 1;
    /// The socket is mounted where the guest does not look.
    pub(super) const HIDE_SOCKET: u8 = 2;
}

fn engine_at(address: DockerAddress, options: Value) -> Engine {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    Engine::new(Options::try_from(raw).unwrap(), 4, address).unwrap()
}

/// Runs a program in a new sandbox of its own; its output.
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

/// Says what a program can do with the socket of its sandbox's link.
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

/// What [`probe`] says of a sandbox with a direct link.
const DIRECT: &str = "100 ConnectionRefusedError";

/// What [`probe`] says of a sandbox whose link is its standard streams.
const ATTACHED: &str = "none";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_connect_to_no_link() {
    let engine = engine_at(DockerAddress::default(), json!({}));
    // Several at once, so that there are several sockets, and again in what is warm by then.
    for _ in 0..2 {
        let code = format!("{}\nimport time; time.sleep(0.5)", probe());
        let runs = (0..3).map(|_| run_on(&engine, &code));
        for said in futures::future::join_all(runs).await {
            assert_eq!(said, DIRECT);
        }
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_reached_by_tcp_gets_no_socket() {
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
    assert_eq!(run(&address, &probe()).await, ATTACHED);
}

/// Sockets that a relay spoils in `way` are not tried a second time.
async fn assert_done_without(way: u8) {
    let (address, what, _dir) = relayed();
    what.store(way, Ordering::Relaxed);
    assert_eq!(run(&address, &probe()).await, ATTACHED);
    what.store(relay::NOTHING, Ordering::Relaxed);
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
        let (address, what, _dir) = relayed();
        assert_eq!(run(&address, &probe()).await, DIRECT);
        assert_eq!(run(&address, &probe()).await, DIRECT);
        what.store(way, Ordering::Relaxed);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
        what.store(relay::NOTHING, Ordering::Relaxed);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
    }
}

/// A daemon behind a relay, as one of its own: what it does to the creation of containers can be set.
fn relayed() -> (DockerAddress, Arc<AtomicU8>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let what = Arc::new(AtomicU8::new(relay::NOTHING));
    tokio::spawn({
        let what = Arc::clone(&what);
        async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay_one(client, Arc::clone(&what)));
            }
        }
    });
    let address = DockerAddress {
        socket_path: Some(path.to_str().unwrap().to_owned()),
        ..DockerAddress::default()
    };
    (address, what, dir)
}

async fn relay_one(
    client: impl AsyncRead + AsyncWrite + Send + 'static,
    what: Arc<AtomicU8>,
) -> Option<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_daemon, mut to_daemon) = UnixStream::connect(DAEMON).await.ok()?.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_daemon, &mut to_client).await;
        let _ = to_client.shutdown().await;
    });
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let mut length = from_client.read(&mut buffer).await.ok()?;
        if length == 0 {
            break;
        }
        if buffer.starts_with(b"POST ") && is_creation(&buffer[..length]) {
            while length < whole_request(&buffer[..length])? {
                length += from_client.read(&mut buffer[length..]).await.ok()?;
            }
            change(&mut buffer[..length], what.load(Ordering::Relaxed));
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

/// How long a request is of which the head has come.
fn whole_request(request: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(request);
    let head = text.find("\r\n\r\n")? + 4;
    let lower = text[..head].to_lowercase();
    let (_, length) = lower.split_once("content-length: ")?;
    Some(head + length.split("\r\n").next()?.parse::<usize>().ok()?)
}

/// Changes the creation of a container, but not its length.
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

//! A relay in front of the machine's daemon, which can change how containers are created.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use isol8_docker::DockerAddress;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// The daemon's own socket.
const DAEMON: &str = "/var/run/docker.sock";

/// The path of the link's socket inside a sandbox.
pub(crate) const LINK: &str = "/.isol8-link";

/// Nothing of a creation is changed.
pub(crate) const NOTHING: u8 = 0;
/// The daemon does not find the socket.
pub(crate) const LOSE_SOCKET: u8 = 1;
/// The socket is mounted at a path that the guest does not use.
pub(crate) const HIDE_SOCKET: u8 = 2;

/// The state of a relay: what it changes, and the requests that it has passed on.
#[derive(Default)]
pub(crate) struct Relay {
    what: AtomicU8,
    /// The method of each request and what its path is about.
    pub(crate) calls: Mutex<Vec<String>>,
}

impl Relay {
    /// Changes creations like this from now on.
    pub(crate) fn set(&self, what: u8) {
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
pub(crate) fn relayed() -> (DockerAddress, Arc<Relay>, tempfile::TempDir) {
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

pub(crate) async fn relay_one(
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
        LOSE_SOCKET => {
            let (place, name) = (before.rsplit('"').next(), after.split('"').next());
            let path = format!("{}isol8-link-{}", place.unwrap(), name.unwrap());
            std::fs::remove_file(PathBuf::from(path)).unwrap();
        }
        HIDE_SOCKET => {
            let hidden = text.replace(&format!("\"{LINK}\""), "\"/.isol8-lost\"");
            request.copy_from_slice(hidden.as_bytes());
        }
        _ => {}
    }
}

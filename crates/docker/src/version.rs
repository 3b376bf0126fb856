//! The API version of a daemon and whether it is Podman, by its cheapest question. `GET /version`, which the client library asks,
//! has the daemon start other programs to learn their versions: more than a tenth of a sandbox's start.

use std::{path::Path, pin::pin, time::Duration};

use bollard::ClientVersion;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{HeaderMap, Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// How long a daemon may take to answer. It has nothing to do for it.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The header of an answer that names the latest version the daemon speaks.
const API_VERSION: &str = "api-version";

/// The header that Podman alone has.
const PODMAN_VERSION: &str = "libpod-api-version";

/// What a daemon says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spoken {
    /// The latest API version that it speaks.
    pub(crate) version: ClientVersion,
    /// Whether it is Podman.
    pub(crate) podman: bool,
}

/// What the daemon behind the Unix socket `path` says of itself; none if it does not name a version, whatever the
/// reason.
pub(crate) async fn of_daemon(path: &Path) -> Option<Spoken> {
    let asked = tokio::time::timeout(PING_TIMEOUT, ping(path)).await;
    let headers = asked.ok()??;
    let named = headers.get(API_VERSION)?.to_str().ok()?;
    let (major, minor) = named.split_once('.')?;
    Some(Spoken {
        version: ClientVersion {
            major_version: major.parse().ok()?,
            minor_version: minor.parse().ok()?,
        },
        podman: headers.contains_key(PODMAN_VERSION),
    })
}

async fn ping(path: &Path) -> Option<HeaderMap> {
    let stream = UnixStream::connect(path).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::builder()
        .method(Method::HEAD)
        .uri("/_ping")
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let mut response = pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut response => response,
        _ = connection => response.await,
    };
    let response = response.ok()?;
    let answer = response.status().is_success();
    answer.then(|| response.headers().clone())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixListener,
    };

    use super::*;

    /// What is made of `answer`.
    async fn said_by(answer: &str) -> Option<Spoken> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let daemon = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"HEAD /_ping HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (spoken, ()) = tokio::join!(of_daemon(&path), daemon);
        spoken
    }

    #[tokio::test]
    async fn the_version_is_in_the_head_of_the_answer() {
        for (header, podman) in [("", false), ("Libpod-Api-Version: 4.3.1\r\n", true)] {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n{header}Content-Length: 2\r\n\r\n"
            );
            let spoken = said_by(&answer).await.unwrap();
            assert_eq!(spoken.version.to_string(), "1.41");
            assert_eq!(spoken.podman, podman);
        }
    }

    #[tokio::test]
    async fn whatever_else_is_answered_is_no_version() {
        for answer in [
            "",
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nApi-Version: new\r\n\r\n",
            "HTTP/1.1 500 Internal Server Error\r\nApi-Version: 1.41\r\n\r\n",
        ] {
            assert_eq!(said_by(answer).await, None, "{answer:?}");
        }
        assert_eq!(of_daemon(Path::new("/nobody/listens")).await, None);
    }
}

//! A connection to the server of requests.

use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use crate::limits::{LEAST_HEAD, Limits};
use crate::target::Target;
use crate::upstream_socket::UpstreamSocket;

/// An HTTP connection to one host and port.
pub(super) struct Upstream {
    pub(super) target: Target,
    pub(super) sender: SendRequest<Incoming>,
    _driver: AbortOnDrop,
}

/// Ends the task that moves the bytes of an upstream connection, together with the client connection.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Upstream {
    /// Speaks HTTP on `io`, which is connected to `target`.
    pub(super) async fn open(
        io: UpstreamSocket,
        target: Target,
        limits: &Limits,
    ) -> hyper::Result<Self> {
        let (sender, connection) = Builder::new()
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes.max(LEAST_HEAD))
            .preserve_header_case(true)
            .handshake(TokioIo::new(io))
            .await?;
        // A failure reaches the waiting request, or leaves the sender closed.
        let driver = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Self {
            target,
            sender,
            _driver: AbortOnDrop(driver),
        })
    }
}

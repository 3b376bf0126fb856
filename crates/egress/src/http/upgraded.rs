//! What a client connection becomes after HTTP.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::upstream::Upstream;
use crate::run::OpenEntry;
use crate::target::Target;
use crate::tunnel;
use crate::upstream_socket::UpstreamSocket;

/// What a client connection becomes after HTTP.
pub(crate) enum Upgraded {
    Tunnel(Box<Tunnel>),
    WebSocket(Box<WebSocket>),
}

/// A tunnel to `target`, connected and already confirmed to the client.
pub(crate) struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) upstream: UpstreamSocket,
    pub(crate) target: Target,
    pub(crate) entry: OpenEntry,
}

/// A WebSocket, agreed on by both sides.
pub(crate) struct WebSocket {
    pub(super) client: OnUpgrade,
    pub(super) upstream: OnUpgrade,
    /// Moves the bytes of the upstream connection until that is handed over.
    pub(super) connection: Upstream,
    /// The log entry. Its duration ends with the WebSocket.
    pub(super) entry: OpenEntry,
}

impl WebSocket {
    /// Relays until both directions have ended.
    pub(crate) async fn relay(self) {
        if let (Ok(client), Ok(upstream)) = futures::join!(self.client, self.upstream) {
            // Either side may go away at any time, and no one is left to report it to.
            let _ = tunnel::relay(TokioIo::new(client), TokioIo::new(upstream), &[]).await;
        }
        drop((self.connection, self.entry));
    }
}

//! Where a server listens: a port, perhaps with encryption, or a socket of the file system.

use std::{future::ready, io, net::IpAddr};

use futures::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use super::{
    tls::{self, Tls},
    unix_socket::SocketFile,
};

/// Where a server accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A port whose connections are encrypted.
    Tls(TcpListener, Tls),
    /// A socket of the file system.
    Unix(SocketFile),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// What a client sends and is sent.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A connection as it was accepted. Nothing has been read of it.
pub(super) enum Accepted {
    Ready(Box<dyn Stream>),
    Encrypted(TcpStream, Tls),
}

impl Accepted {
    /// The stream of the connection, once client and server have agreed on its encryption.
    pub(super) fn open(self) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        match self {
            Self::Ready(stream) => ready(Ok(stream)).boxed(),
            Self::Encrypted(stream, tls) => tls::accept(tls, stream)
                .map_ok(|stream| Box::new(stream) as Box<dyn Stream>)
                .boxed(),
        }
    }
}

impl Listener {
    /// The next connection. Cancel safe.
    /// With it comes the address of its client; none on a socket.
    pub(super) async fn accept(&self) -> io::Result<(Accepted, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = from_port(listener).await?;
                Ok((Accepted::Ready(Box::new(stream)), Some(peer)))
            }
            Self::Tls(listener, tls) => {
                let (stream, peer) = from_port(listener).await?;
                Ok((Accepted::Encrypted(stream, tls.clone()), Some(peer)))
            }
            Self::Unix(socket) => Ok((Accepted::Ready(Box::new(socket.accept().await?)), None)),
        }
    }
}

async fn from_port(listener: &TcpListener) -> io::Result<(TcpStream, IpAddr)> {
    let (stream, peer) = listener.accept().await?;
    // Events are small, and their reader waits for them.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer.ip()))
}

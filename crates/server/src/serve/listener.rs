//! Where a server listens: a port, perhaps with encryption, or a socket of the file system.

use std::{future::ready, io};

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
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => Ok(Accepted::Ready(Box::new(from_port(listener).await?))),
            Self::Tls(listener, tls) => {
                Ok(Accepted::Encrypted(from_port(listener).await?, tls.clone()))
            }
            Self::Unix(socket) => Ok(Accepted::Ready(Box::new(socket.accept().await?))),
        }
    }
}

async fn from_port(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    // Events are small, and their reader waits for them.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

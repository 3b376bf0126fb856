//! Encryption of connections.

mod certificate;
mod plain;

pub use certificate::{Tls, TlsError};

use std::{io, time::Duration};

use futures::future::{BoxFuture, FutureExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on the encryption.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// What a client of TLS sends first: the type of a record that has a handshake.
const HANDSHAKE_RECORD: u8 = 0x16;

/// Agrees with a client on the encryption. A client that speaks HTTP without it is told so.
pub(super) fn accept(
    tls: Tls,
    stream: TcpStream,
) -> BoxFuture<'static, io::Result<TlsStream<TcpStream>>> {
    let agree = async move {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
            return plain::refuse(stream).await;
        }
        tls.acceptor().accept(stream).await
    };
    let agreed = tokio::time::timeout(HANDSHAKE_PATIENCE, agree);
    agreed
        .map(|agreed| agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
        .boxed()
}

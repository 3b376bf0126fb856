//! Encryption of connections.

mod certificate;
mod plain;

pub use certificate::{Tls, TlsError};

use std::io;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What a client of TLS sends first: the type of a record that has a handshake.
const HANDSHAKE_RECORD: u8 = 0x16;

/// Does the TLS handshake with a client. A client that speaks plain HTTP receives an answer that says what is wrong. The
/// caller limits the time.
pub(super) async fn accept(tls: Tls, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
        return plain::refuse(stream).await;
    }
    tls.acceptor().accept(stream).await
}

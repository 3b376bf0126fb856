//! The answer to a request without encryption, on a port that has it.

use std::{io, time::Duration};

use isol8_api::{ErrorCode, http::ErrorBody};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Most that is read of what a client goes on to send, in bytes.
const MAX_REST: u64 = 64 * 1024;

/// How long the rest of a request is read, so that the client sees the answer before the connection ends.
const REST_PATIENCE: Duration = Duration::from_secs(1);

/// Answers with 400, and ends the connection. Always an error.
pub(super) async fn refuse<T>(mut stream: TcpStream) -> io::Result<T> {
    let body = serde_json::to_string(&ErrorBody {
        error: "This port speaks HTTPS only: use an address that begins with https://".to_owned(),
        code: Some(ErrorCode::InvalidRequest.as_str().to_owned()),
    })?;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Ending a connection with unread data in it would take the answer away.
    let (mut rest, mut nowhere) = (stream.take(MAX_REST), tokio::io::sink());
    let read = tokio::io::copy(&mut rest, &mut nowhere);
    let _ = tokio::time::timeout(REST_PATIENCE, read).await;
    let refused = "a request without TLS came to a port with TLS";
    Err(io::Error::new(io::ErrorKind::InvalidData, refused))
}

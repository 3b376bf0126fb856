//! Copies bytes between the two sides of a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use crate::limits::COPY_BUFFER;

/// Sends `first_bytes` upstream, and then relays both directions until each has ended.
pub(crate) async fn relay<C, U>(client: C, upstream: U, first_bytes: &[u8]) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = split(client);
    let (mut from_upstream, mut to_upstream) = split(upstream);
    let up = async {
        to_upstream.write_all(first_bytes).await?;
        copy(&mut from_client, &mut to_upstream, || ()).await
    };
    let down = copy(&mut from_upstream, &mut to_client, || ());
    tokio::try_join!(up, down).map(|_| ())
}

/// Copies until the end and passes the end on. `after_read` is called for each read, the end included,
/// before anything is written. Flushes after each write: the stream towards a client may buffer, and
/// the peer may be waiting for the written bytes.
pub(super) async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut after_read: impl FnMut(),
) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BUFFER as usize];
    loop {
        let count = from.read(&mut buffer).await?;
        after_read();
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}

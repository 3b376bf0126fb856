//! Files in and out of a sandbox, each on a stream of its own.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use isol8_protocol::{ErrorKind, FileRequest, ReadRequest, Reply, Request};
use tokio::io::AsyncWriteExt;

use super::{
    link::LinkStream,
    wire::{FrameReader, Incoming, send_data, send_data_end, send_message, unexpected},
};
use crate::error::EngineError;

/// How long the guest may take for the next part of a file.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What is sent of a file as one part, in bytes.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Waits for the guest, but not for ever: no time limit of a program holds for files.
pub(super) async fn within<T>(
    patience: Duration,
    part: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let done = tokio::time::timeout(patience, part).await;
    done.unwrap_or_else(|_| {
        let message = format!("no word of a file within {} s", patience.as_secs());
        Err(EngineError::Guest(message))
    })
}

/// Writes a file. When the guest refuses half way, its reason is returned.
pub(super) async fn write(
    stream: LinkStream,
    path: &str,
    data: &[u8],
    patience: Duration,
) -> Result<(), EngineError> {
    let parts = stream::iter(data.chunks(PART_BYTES).map(Ok));
    write_parts(stream, path, parts, patience).await
}

/// Writes a file as its parts come, which the guest waits for. An error among them ends it, and leaves a part of the
/// file behind.
pub(super) async fn write_parts(
    stream: LinkStream,
    path: &str,
    parts: impl Stream<Item = Result<impl AsRef<[u8]>, EngineError>>,
    patience: Duration,
) -> Result<(), EngineError> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut frames = FrameReader::of_answer(reader);
    let mut is_whole = false;
    let upload = async {
        let request = Request::WriteFile(FileRequest {
            path: path.to_owned(),
        });
        within(patience, send_message(&mut writer, &request)).await?;
        let mut parts = std::pin::pin!(parts);
        while let Some(part) = parts.next().await {
            within(patience, send_data(&mut writer, part?.as_ref())).await?;
        }
        is_whole = true;
        within(patience, send_data_end(&mut writer)).await
    };
    // An answer before the end of the file is a refusal, and may come while sending is blocked.
    let answer = tokio::select! {
        biased;
        answer = frames.next() => answer,
        sent = upload => match sent {
            Ok(()) | Err(EngineError::SandboxLost) => within(patience, frames.next()).await,
            Err(error) => Err(error),
        },
    };
    match answer? {
        Incoming::Reply(Reply::Done) if is_whole => Ok(()),
        Incoming::Reply(Reply::Done) => Err(EngineError::Guest(
            "it took a file for written before it had all of it".to_owned(),
        )),
        Incoming::Reply(reply) => Err(unexpected(reply)),
        _ => Err(EngineError::Guest("unexpected data".to_owned())),
    }
}

/// Reads a file of at most `max_bytes`. The guest refuses a larger one before anything is sent; what
/// is kept here never exceeds the limit or what has arrived.
pub(super) async fn read(
    mut stream: LinkStream,
    path: &str,
    max_bytes: u64,
    patience: Duration,
) -> Result<Bytes, EngineError> {
    let request = Request::ReadFile(ReadRequest {
        path: path.to_owned(),
        max_bytes,
    });
    within(patience, send_message(&mut stream, &request)).await?;
    let mut frames = FrameReader::of_output(&mut stream);
    let mut contents = BytesMut::new();
    loop {
        match within(patience, frames.next()).await? {
            Incoming::Data(bytes) if bytes.is_empty() => break,
            // It grew while it was read.
            Incoming::Data(bytes) if (contents.len() + bytes.len()) as u64 > max_bytes => {
                return Err(EngineError::Refused {
                    kind: ErrorKind::TooLarge,
                    path: path.to_owned(),
                    message: format!("it has more than {max_bytes} bytes, the limit"),
                });
            }
            Incoming::Data(bytes) => contents.extend_from_slice(&bytes),
            Incoming::Reply(reply) => return Err(unexpected(reply)),
            _ => return Err(EngineError::Guest("unexpected output".to_owned())),
        }
    }
    drop(frames);
    // The guest has sent everything. Closing the stream ends this side, too.
    let _ = tokio::time::timeout(patience, stream.shutdown()).await;
    Ok(contents.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::testing;

    #[tokio::test]
    async fn a_guest_that_says_nothing_is_not_waited_for_for_ever() {
        let patience = Duration::from_millis(50);
        let link = testing::link_saying(&[]).await;
        let read = read(link.open().await.unwrap(), "/x", 1, patience).await;
        assert!(matches!(read, Err(EngineError::Guest(_))));
        // More than what a stream holds: nobody takes it.
        for data in [&b"x"[..], &vec![0; 1024 * 1024]] {
            let written = write(link.open().await.unwrap(), "/x", data, patience).await;
            assert!(matches!(written, Err(EngineError::Guest(_))));
        }
    }
}

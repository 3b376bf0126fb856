//! Files in and out of a sandbox, each on a stream of its own.

use bytes::{Bytes, BytesMut};
use isol8_protocol::{FileRequest, Reply, Request};
use tokio::io::AsyncWriteExt;

use super::{
    link::LinkStream,
    wire::{FrameReader, Incoming, send_data, send_data_end, send_message, unexpected},
};
use crate::error::EngineError;

/// Largest file that is read into the host's memory, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024 * 1024;

/// Writes a file. When the guest refuses half way, its reason is returned.
pub(super) async fn write(stream: LinkStream, path: &str, data: &[u8]) -> Result<(), EngineError> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut frames = FrameReader::new(reader);
    let upload = async {
        send_message(
            &mut writer,
            &Request::WriteFile(FileRequest {
                path: path.to_owned(),
            }),
        )
        .await?;
        send_data(&mut writer, data).await?;
        send_data_end(&mut writer).await
    };
    // An answer before the end of the file is a refusal, and may come while sending is blocked.
    let answer = tokio::select! {
        biased;
        answer = frames.next() => answer,
        sent = upload => match sent {
            Ok(()) | Err(EngineError::SandboxLost) => frames.next().await,
            Err(error) => Err(error),
        },
    };
    match answer? {
        Incoming::Reply(Reply::Done) => Ok(()),
        Incoming::Reply(reply) => Err(unexpected(reply)),
        _ => Err(EngineError::Guest("unexpected data".to_owned())),
    }
}

/// Reads a file.
pub(super) async fn read(mut stream: LinkStream, path: &str) -> Result<Bytes, EngineError> {
    send_message(
        &mut stream,
        &Request::ReadFile(FileRequest {
            path: path.to_owned(),
        }),
    )
    .await?;
    let mut frames = FrameReader::new(&mut stream);
    let mut contents = BytesMut::new();
    loop {
        match frames.next().await? {
            Incoming::Data(bytes) if bytes.is_empty() => break,
            Incoming::Data(bytes) if contents.len() + bytes.len() > MAX_FILE_BYTES => {
                return Err(EngineError::FileTooLarge {
                    path: path.to_owned(),
                    limit: MAX_FILE_BYTES,
                });
            }
            Incoming::Data(bytes) => contents.extend_from_slice(&bytes),
            Incoming::Reply(reply) => return Err(unexpected(reply)),
            _ => return Err(EngineError::Guest("unexpected output".to_owned())),
        }
    }
    drop(frames);
    // The guest has said everything; closing tells it that this side has, too.
    let _ = stream.shutdown().await;
    Ok(contents.freeze())
}

//! Files in and out of a sandbox, each on a stream of its own.

use bytes::{Bytes, BytesMut};
use isol8_protocol::{ErrorKind, FileRequest, ReadRequest, Reply, Request};
use tokio::io::AsyncWriteExt;

use super::{
    link::LinkStream,
    wire::{FrameReader, Incoming, send_data, send_data_end, send_message, unexpected},
};
use crate::error::EngineError;

/// Writes a file. When the guest refuses half way, its reason is returned.
pub(super) async fn write(stream: LinkStream, path: &str, data: &[u8]) -> Result<(), EngineError> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut frames = FrameReader::of_answer(reader);
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

/// Reads a file of at most `max_bytes`. The guest refuses a larger one before anything is sent; what
/// is kept here never exceeds the limit or what has arrived.
pub(super) async fn read(
    mut stream: LinkStream,
    path: &str,
    max_bytes: u64,
) -> Result<Bytes, EngineError> {
    send_message(
        &mut stream,
        &Request::ReadFile(ReadRequest {
            path: path.to_owned(),
            max_bytes,
        }),
    )
    .await?;
    let mut frames = FrameReader::of_output(&mut stream);
    let mut contents = BytesMut::new();
    loop {
        match frames.next().await? {
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
    // The guest has said everything; closing tells it that this side has, too.
    let _ = stream.shutdown().await;
    Ok(contents.freeze())
}

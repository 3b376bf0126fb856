//! Frames on a logical stream, seen from the host. The length is checked before anything is
//! allocated; a frame that breaks the protocol is an error of this stream.

use bytes::{Buf, Bytes};
use futures::StreamExt;
use isol8_protocol::{FrameHeader, FrameKind, MAX_FRAME_BYTES, Reply, decode, encode_message};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use crate::error::EngineError;

/// A frame from the guest.
#[derive(Debug)]
pub(super) enum Incoming {
    /// An answer.
    Reply(Reply),
    /// Bytes of a file; empty at its end.
    Data(Bytes),
    /// Bytes of standard output.
    Stdout(Bytes),
    /// Bytes of standard error.
    Stderr(Bytes),
}

/// Room to begin with for an answer, in bytes.
const ANSWER_BYTES: usize = 1024;

/// Room to begin with for output, in bytes. What is not needed costs more than to ask for more.
const OUTPUT_BYTES: usize = 8 * 1024;

/// Reads frames.
pub(super) struct FrameReader<R>(FramedRead<R, LengthDelimitedCodec>);

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads one answer.
    pub(super) fn of_answer(stream: R) -> Self {
        Self::with_room(stream, ANSWER_BYTES)
    }

    /// Reads output or a file.
    pub(super) fn of_output(stream: R) -> Self {
        Self::with_room(stream, OUTPUT_BYTES)
    }

    fn with_room(stream: R, bytes: usize) -> Self {
        // `length:u32le kind:u8 payload`: the kind is not counted, and stays in what is returned.
        let codec = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_length(4)
            .length_adjustment(1)
            .num_skip(4)
            .max_frame_length(MAX_FRAME_BYTES + 1)
            .new_codec();
        Self(FramedRead::with_capacity(stream, codec, bytes))
    }

    /// The next frame. A stream that ends is an error: every exchange has a last reply.
    ///
    /// Cancel safe: no bytes are lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Incoming, EngineError> {
        let mut frame = self
            .0
            .next()
            .await
            .ok_or(EngineError::SandboxLost)?
            .map_err(|error| EngineError::Guest(error.to_string()))?
            .freeze();
        if frame.is_empty() {
            return Err(EngineError::Guest("a frame without a kind".to_owned()));
        }
        let kind = frame.get_u8();
        let header = FrameHeader::parse([0, 0, 0, 0, kind])
            .map_err(|error| EngineError::Guest(error.to_string()))?;
        Ok(match header.kind {
            FrameKind::Message => Incoming::Reply(
                decode(&frame).map_err(|error| EngineError::Guest(error.to_string()))?,
            ),
            FrameKind::Data => Incoming::Data(frame),
            FrameKind::Stdout => Incoming::Stdout(frame),
            FrameKind::Stderr => Incoming::Stderr(frame),
        })
    }
}

impl<R: AsyncWrite + Unpin> FrameReader<R> {
    /// Ends this half of the stream.
    pub(super) async fn close(&mut self) -> std::io::Result<()> {
        self.0.get_mut().shutdown().await
    }
}

/// Writes one message and flushes it.
pub(super) async fn send_message<W: AsyncWrite + Unpin, M: Serialize>(
    stream: &mut W,
    message: &M,
) -> Result<(), EngineError> {
    let frame = encode_message(message).map_err(|error| EngineError::Guest(error.to_string()))?;
    stream
        .write_all(&frame)
        .await
        .map_err(|_| EngineError::SandboxLost)?;
    stream.flush().await.map_err(|_| EngineError::SandboxLost)
}

/// Writes the only message of this side, and ends its half of the stream.
pub(super) async fn send_only_message<W: AsyncWrite + Unpin, M: Serialize>(
    stream: &mut W,
    message: &M,
) -> Result<(), EngineError> {
    send_message(stream, message).await?;
    stream
        .shutdown()
        .await
        .map_err(|_| EngineError::SandboxLost)
}

/// Writes `data` as data frames.
pub(super) async fn send_data<W: AsyncWrite + Unpin>(
    stream: &mut W,
    data: &[u8],
) -> Result<(), EngineError> {
    const CHUNK_BYTES: usize = 256 * 1024;
    const _: () = assert!(CHUNK_BYTES <= MAX_FRAME_BYTES);
    for chunk in data.chunks(CHUNK_BYTES) {
        send_data_frame(stream, chunk).await?;
    }
    stream.flush().await.map_err(|_| EngineError::SandboxLost)
}

/// Writes the empty data frame that ends a file or standard input.
pub(super) async fn send_data_end<W: AsyncWrite + Unpin>(
    stream: &mut W,
) -> Result<(), EngineError> {
    send_data_frame(stream, &[]).await?;
    stream.flush().await.map_err(|_| EngineError::SandboxLost)
}

async fn send_data_frame<W: AsyncWrite + Unpin>(
    stream: &mut W,
    chunk: &[u8],
) -> Result<(), EngineError> {
    let header = FrameHeader::new(FrameKind::Data, chunk.len())
        .map_err(|error| EngineError::Guest(error.to_string()))?;
    stream
        .write_all(&header.to_bytes())
        .await
        .map_err(|_| EngineError::SandboxLost)?;
    stream
        .write_all(chunk)
        .await
        .map_err(|_| EngineError::SandboxLost)
}

/// The error for a reply: the guest's own failure, or one for a reply that does not belong here.
pub(super) fn unexpected(reply: Reply) -> EngineError {
    match reply {
        Reply::Failed {
            kind,
            path,
            message,
        } => EngineError::Refused {
            kind,
            path,
            message,
        },
        other => EngineError::Guest(format!("unexpected answer {other:?}")),
    }
}

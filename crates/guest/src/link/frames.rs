//! Frames on one stream: reads within limits, and writes without copies.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use isol8_protocol::{
    FRAME_HEADER_BYTES, FrameError, FrameHeader, FrameKind, Reply, encode_message,
};

/// Largest frame of output or file contents that the guest sends, in bytes, with its header. yamux also puts at most
/// this into one of its frames, so each frame becomes one yamux frame.
pub(crate) const OUTPUT_FRAME_BYTES: usize = 64 * 1024;

/// Why a stream can no longer be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The host closed or reset it.
    #[error("the host closed the stream")]
    Closed,
    /// The host broke the protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl From<io::Error> for StreamError {
    fn from(_: io::Error) -> Self {
        Self::Closed // yamux reports nothing else on a stream
    }
}

type Shared = Rc<RefCell<yamux::Stream>>;

/// The two directions of a stream.
pub(crate) fn split(stream: yamux::Stream) -> (FrameReader, FrameWriter) {
    let stream = Rc::new(RefCell::new(stream));
    (
        FrameReader {
            stream: Rc::clone(&stream),
            payload: Vec::new(),
        },
        FrameWriter { stream },
    )
}

/// Reads frames.
pub(crate) struct FrameReader {
    stream: Shared,
    /// Reused for each frame. Only its first bytes belong to the current one.
    payload: Vec<u8>,
}

impl FrameReader {
    /// Reads the next frame. Not cancel safe: it may stop in the middle of a frame.
    pub(crate) async fn next(&mut self) -> Result<(FrameKind, &[u8]), StreamError> {
        let mut header = [0; FRAME_HEADER_BYTES];
        read_exact(&self.stream, &mut header).await?;
        let header = FrameHeader::parse(header)?;
        if self.payload.len() < header.length {
            self.payload.resize(header.length, 0);
        }
        let payload = &mut self.payload[..header.length];
        read_exact(&self.stream, payload).await?;
        Ok((header.kind, payload))
    }

    /// Frees the memory of the last frame. For callers that expect smaller ones next.
    pub(crate) fn release(&mut self) {
        self.payload = Vec::new();
    }

    /// Whether the host has reset the stream, even if unread frames came before the reset.
    pub(crate) fn is_reset(&self) -> bool {
        self.stream.borrow().is_closed()
    }

    /// Waits until the host closes the stream. Discards frames that come before that.
    pub(crate) async fn closed(&mut self) {
        let mut scratch = [0; 4096];
        let mut read = async || {
            poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut scratch)).await
        };
        while matches!(read().await, Ok(1..)) {}
    }
}

/// Writes frames.
pub(crate) struct FrameWriter {
    stream: Shared,
}

impl FrameWriter {
    pub(crate) async fn reply(&mut self, reply: &Reply) -> Result<(), StreamError> {
        let frame = encode_message(reply)?;
        self.write_all(&frame).await
    }

    /// Sends the first `length` bytes that follow the header in `frame`.
    pub(crate) async fn payload(
        &mut self,
        kind: FrameKind,
        frame: &mut [u8],
        length: usize,
    ) -> Result<(), StreamError> {
        let header = FrameHeader::new(kind, length)?.to_bytes();
        frame[..FRAME_HEADER_BYTES].copy_from_slice(&header);
        self.write_all(&frame[..FRAME_HEADER_BYTES + length]).await
    }

    /// Sends whole frames.
    pub(crate) async fn frames(&mut self, frames: &[u8]) -> Result<(), StreamError> {
        self.write_all(frames).await
    }

    /// Ends this side of the stream.
    pub(crate) async fn close(&mut self) {
        // A stream that the host has closed already needs no closing.
        let _ = poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_close(cx)).await;
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let count = poll_fn(|cx| poll_write(&self.stream, cx, bytes)).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

fn poll_write(stream: &Shared, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(&mut *stream.borrow_mut()).poll_write(cx, bytes)
}

async fn read_exact(stream: &Shared, mut target: &mut [u8]) -> Result<(), StreamError> {
    while !target.is_empty() {
        let count = poll_fn(|cx| Pin::new(&mut *stream.borrow_mut()).poll_read(cx, target)).await?;
        if count == 0 {
            return Err(StreamError::Closed);
        }
        target = &mut target[count..];
    }
    Ok(())
}

//! Bytes to a guest, written together. The multiplexer flushes after each of its frames; here that does
//! nothing, and its owner flushes when it has no more to write. So the end of one request and the next
//! request are one write, for which the guest wakes once.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use isol8_backend::DuplexStream;

/// The two holders of a stream: the multiplexer, and who flushes.
#[derive(Clone)]
pub(super) struct Batch(Arc<Mutex<Box<dyn DuplexStream>>>);

impl Batch {
    pub(super) fn new(io: Box<dyn DuplexStream>) -> Self {
        Self(Arc::new(Mutex::new(io)))
    }

    /// Writes what was collected.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    /// Never waits: one task has both holders.
    fn lock(&self) -> MutexGuard<'_, Box<dyn DuplexStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Batch {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Batch {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }
}

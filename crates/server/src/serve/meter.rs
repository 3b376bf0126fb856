//! What a connection reads as a WebSocket, charged while it is read: messages are seen only when they are whole.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::{error::ApiError, limits::Charge};

/// Bytes of a control frame of a client beside its data.
const CONTROL_FRAME: usize = 6;

/// How much is thrown away at a time, in bytes.
const SCRAP: usize = 8 * 1024;

/// What a connection reads, from the moment on when there is a charge for it. Clones are one meter.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Default)]
struct Inner {
    charge: Mutex<Option<Charge>>,
    refusal: Mutex<Option<ApiError>>,
    refused: CancellationToken,
}

impl Meter {
    /// Charges to `next` what is read from now on. Returns the charge so far; none at first.
    pub(crate) fn charge_to(&self, next: Charge) -> Option<Charge> {
        self.charge().replace(next)
    }

    /// Forgets a control frame with data of this length.
    pub(crate) fn forget_control_frame(&self, length: usize) {
        if let Some(charge) = &*self.charge() {
            charge.give_back(length + CONTROL_FRAME);
        }
    }

    /// Waits until there is no memory for more. Everything that comes after is thrown away.
    pub(crate) async fn refused(&self) -> ApiError {
        self.0.refused.cancelled().await;
        let refusal = self.0.refusal.lock();
        let refusal = refusal.unwrap_or_else(PoisonError::into_inner).take();
        refusal.unwrap_or(ApiError::NoMemory { of_caller: false })
    }

    fn read(&self, length: usize) {
        if let Some(charge) = &*self.charge()
            && let Err(error) = charge.add(length)
        {
            let refusal = self.0.refusal.lock();
            *refusal.unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.0.refused.cancel();
        }
    }

    fn charge(&self) -> MutexGuard<'_, Option<Charge>> {
        let charge = self.0.charge.lock();
        charge.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose bytes are charged.
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S> Metered<S> {
    /// Charges what is read to `meter`.
    pub(super) fn new(stream: S, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !self.meter.0.refused.is_cancelled() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let length = buffer.filled().len() - before;
            self.meter.read(length);
            if length == 0 || !self.meter.0.refused.is_cancelled() {
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
        }
        // A client that cannot send its message to the end would not read an answer.
        loop {
            let mut scrap = [0; SCRAP];
            let mut scrap = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut scrap))?;
            if scrap.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

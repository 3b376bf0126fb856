//! Notices that hyper answers by itself, before its answer reaches the client.
//!
//! hyper answers a malformed head without a call of the service. This answer is the only thing that it writes
//! while no request is being answered. So the stream and the bodies of answers share the state of the exchange:
//!
//! ```text
//! idle ── call of the service ──▶ answering ── body dropped ──▶ answered ── all written ──▶ idle
//!                                     └── upgrade ──▶ over: the stream carries something else
//! ```

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const IDLE: u8 = 0;
const ANSWERING: u8 = 1;
const ANSWERED: u8 = 2;
const OVER: u8 = 3;

/// The state of the requests of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange(Arc<AtomicU8>);

impl Exchange {
    /// The service was called.
    pub(super) fn begin(&self) {
        self.0.store(ANSWERING, Ordering::Relaxed);
    }

    /// The answer to the present request is the last one.
    pub(super) fn end(&self) {
        self.0.store(OVER, Ordering::Relaxed);
    }

    /// The body of the answer to the present request.
    pub(super) fn body<B>(&self, body: B) -> AnswerBody<B> {
        AnswerBody {
            body,
            exchange: self.clone(),
        }
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == IDLE
    }

    fn change(&self, from: u8, to: u8) {
        // In another state the next request has begun, or there is none.
        let _ = self
            .0
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// A body whose end is the end of an answer.
pub(super) struct AnswerBody<B> {
    body: B,
    exchange: Exchange,
}

impl<B> Drop for AnswerBody<B> {
    fn drop(&mut self) {
        self.exchange.change(ANSWERING, ANSWERED);
    }
}

impl<B: Body + Unpin> Body for AnswerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The stream of a client. It calls `on_own_answer` before it writes something that hyper answers by itself.
pub(super) struct Watched<S, F> {
    stream: S,
    exchange: Exchange,
    on_own_answer: F,
}

impl<S, F: Fn()> Watched<S, F> {
    pub(super) fn new(stream: S, exchange: Exchange, on_own_answer: F) -> Self {
        Self {
            stream,
            exchange,
            on_own_answer,
        }
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Watched<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for Watched<S, F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.exchange.is_idle() {
            (self.on_own_answer)();
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.exchange.is_idle() {
            (self.on_own_answer)();
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes after it has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.exchange.change(ANSWERED, IDLE);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

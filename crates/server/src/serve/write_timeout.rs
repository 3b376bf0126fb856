//! A stream whose reader must not stop reading, nor read next to nothing: what it is sent fails after a while.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// Least rate of a slow reader, in bytes a second. A reader that takes one byte from time to time would hold its answer for
/// ever.
const LEAST_RATE: u64 = 16 * 1024;

/// A stream whose writes fail when the other side takes nothing, or too little, for a while.
pub(super) struct WriteTimeout<S, H> {
    stream: S,
    limit: Duration,
    /// Set while a write waits: since when, and until when it may.
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Time spent waiting for the reader, less the time that `LEAST_RATE` allows for what it took.
    debt: Duration,
    /// Dropped with the stream.
    _held: H,
}

impl<S: Unpin, H: Unpin> WriteTimeout<S, H> {
    /// Fails writes that wait for `limit`. Keeps `held` as long as the stream, whoever has that by then.
    pub(super) fn new(stream: S, limit: Duration, held: H) -> Self {
        Self {
            stream,
            limit,
            timer: None,
            debt: Duration::ZERO,
            _held: held,
        }
    }

    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        taken: impl FnOnce(&T) -> usize,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream), context);
        if let Poll::Ready(written) = written {
            if let Some((since, _)) = self.timer.take() {
                self.debt += since.elapsed();
            }
            let bytes = written.as_ref().map_or(0, taken) as u64;
            let allowed = Duration::from_micros(bytes.saturating_mul(1_000_000) / LEAST_RATE);
            self.debt = self.debt.saturating_sub(allowed);
            return Poll::Ready(written);
        }
        let left = self.limit.saturating_sub(self.debt);
        let new_timer = || (Instant::now(), Box::pin(sleep(left)));
        let (_, timer) = self.timer.get_or_insert_with(new_timer);
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for WriteTimeout<S, H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for WriteTimeout<S, H> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.timed(
            context,
            |taken| *taken,
            |stream, context| stream.poll_write(context, data),
        )
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.timed(
            context,
            |taken| *taken,
            |stream, context| stream.poll_write_vectored(context, parts),
        )
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(context, |()| 0, S::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(context, |()| 0, S::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_reader_that_has_stopped_ends_the_write() {
        let (stream, reader) = tokio::io::duplex(16);
        let mut stream = WriteTimeout::new(stream, Duration::from_millis(20), ());
        stream.write_all(&[0; 16]).await.unwrap();
        let error = stream.write_all(&[0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(reader);
    }

    #[tokio::test]
    async fn a_reader_that_takes_next_to_nothing_ends_the_write() {
        let (stream, mut reader) = tokio::io::duplex(16);
        let mut stream = WriteTimeout::new(stream, Duration::from_millis(200), ());
        let read = tokio::spawn(async move {
            let mut taken: u32 = 0;
            while reader.read_u8().await.is_ok() {
                taken += 1;
                sleep(Duration::from_millis(5)).await;
            }
            taken
        });
        // Something is taken every few milliseconds, far within the limit of a single wait.
        let error = stream.write_all(&vec![0; 100_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        assert!(read.await.unwrap() > 1);
    }
}

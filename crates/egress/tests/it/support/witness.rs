//! A connection that remembers what the log had when its client received something.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use isol8_egress::{NetworkLog, Run};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// The logs at each moment at which the client received bytes or the end.
pub(crate) type Seen = Arc<Mutex<Vec<NetworkLog>>>;

/// The proxy's side of a connection.
pub(crate) struct Witness {
    stream: DuplexStream,
    run: Arc<Run>,
    seen: Seen,
}

impl Witness {
    pub(crate) fn new(stream: DuplexStream, run: &Arc<Run>) -> (Self, Seen) {
        let seen = Seen::default();
        let witness = Self {
            stream,
            run: Arc::clone(run),
            seen: Arc::clone(&seen),
        };
        (witness, seen)
    }

    fn look(&self) {
        self.seen.lock().unwrap().push(self.run.snapshot());
    }
}

impl AsyncRead for Witness {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Witness {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The end of the stream reaches the client.
impl Drop for Witness {
    fn drop(&mut self) {
        self.look();
    }
}

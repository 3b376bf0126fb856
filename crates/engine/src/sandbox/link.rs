//! The link: many logical streams over the one byte stream to a guest.
//!
//! One task owns the multiplexer; others ask it for streams. The guest is never trusted: whatever
//! breaks the protocol ends this link, and with it this sandbox, and nothing else.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use isol8_protocol::{
    MAX_EGRESS_STREAMS, MAX_STREAMS, MAX_WINDOW_BYTES, PREAMBLE_BYTES, check_preamble, preamble,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tokio_util::{
    compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt},
    sync::CancellationToken,
};

use super::batch::Batch;
use isol8_backend::DuplexStream;

use crate::error::EngineError;

/// How long a started guest may take to introduce itself.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// Largest piece that a stream hands to the multiplexer at once; larger ones let one stream hold up
/// the others, smaller ones cost throughput.
const SPLIT_SEND_BYTES: usize = 64 * 1024;

/// Requests for new streams that wait for the multiplexer.
const OPEN_QUEUE: usize = 64;

/// Streams that the guest opened and nobody has taken yet. More are refused.
const INBOUND_QUEUE: usize = MAX_EGRESS_STREAMS;

/// A logical stream, with tokio's traits.
pub type LinkStream = Compat<yamux::Stream>;

/// Streams that the guest opens: its egress connections. Refused when dropped.
pub type InboundStreams = mpsc::Receiver<LinkStream>;

/// Where they go; refused while nobody takes them.
type Taker = Arc<Mutex<Option<mpsc::Sender<LinkStream>>>>;

/// The host's end of a link. Dropping it ends the guest.
pub(super) struct Link {
    open: mpsc::Sender<oneshot::Sender<LinkStream>>,
    taker: Taker,
    lost: CancellationToken,
}

impl Link {
    /// Shakes hands with the guest at the other end of `io` and starts the multiplexer.
    pub(super) async fn connect(mut io: Box<dyn DuplexStream>) -> Result<Self, EngineError> {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, shake_hands(&mut io))
            .await
            .map_err(|_| {
                EngineError::Guest(format!(
                    "no answer within {} s",
                    HANDSHAKE_TIMEOUT.as_secs()
                ))
            })??;
        let (open, open_requests) = mpsc::channel(OPEN_QUEUE);
        let taker = Taker::default();
        let lost = CancellationToken::new();
        let mut config = yamux::Config::default();
        config
            .set_max_connection_receive_window(Some(MAX_WINDOW_BYTES))
            .set_max_num_streams(MAX_STREAMS)
            .set_split_send_size(SPLIT_SEND_BYTES)
            .set_read_after_close(true);
        let output = Batch::new(io);
        let input = output.clone().compat();
        let connection = yamux::Connection::new(input, config, yamux::Mode::Client);
        let driver = Driver {
            connection,
            output,
            open_requests,
            waiting: None,
            taker: Arc::clone(&taker),
        };
        let on_end = lost.clone().drop_guard();
        tokio::spawn(async move {
            driver.run().await;
            drop(on_end);
        });
        Ok(Self { open, taker, lost })
    }

    /// Opens a stream. Nothing is sent until its first byte is written.
    pub(super) async fn open(&self) -> Result<LinkStream, EngineError> {
        let (reply, stream) = oneshot::channel();
        self.open
            .send(reply)
            .await
            .map_err(|_| EngineError::SandboxLost)?;
        stream.await.map_err(|_| EngineError::SandboxLost)
    }

    /// Opens streams without keeping the link.
    pub(super) fn opener(&self) -> LinkOpener {
        LinkOpener(self.open.downgrade())
    }

    /// Takes the streams that the guest opens from now on. Who took them before gets no more.
    pub(super) fn inbound(&self) -> InboundStreams {
        let (sender, streams) = mpsc::channel(INBOUND_QUEUE);
        *self.taker.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        streams
    }

    /// Cancelled once the guest is gone.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

/// Opens streams on a link as long as somebody holds it.
pub(super) struct LinkOpener(mpsc::WeakSender<oneshot::Sender<LinkStream>>);

impl LinkOpener {
    /// Opens a stream. Nothing is sent until its first byte is written.
    pub(super) async fn open(&self) -> Result<LinkStream, EngineError> {
        let open = self.0.upgrade().ok_or(EngineError::SandboxLost)?;
        let (reply, stream) = oneshot::channel();
        open.send(reply)
            .await
            .map_err(|_| EngineError::SandboxLost)?;
        drop(open);
        stream.await.map_err(|_| EngineError::SandboxLost)
    }
}

async fn shake_hands(io: &mut Box<dyn DuplexStream>) -> Result<(), EngineError> {
    let refused = |error: std::io::Error| EngineError::Guest(format!("handshake failed: {error}"));
    io.write_all(&preamble()).await.map_err(refused)?;
    io.flush().await.map_err(refused)?;
    let mut theirs = [0; PREAMBLE_BYTES];
    io.read_exact(&mut theirs).await.map_err(refused)?;
    check_preamble(theirs).map_err(|error| EngineError::Guest(error.to_string()))
}

/// Owner of the multiplexer.
struct Driver {
    connection: yamux::Connection<Compat<Batch>>,
    /// What the multiplexer writes to.
    output: Batch,
    open_requests: mpsc::Receiver<oneshot::Sender<LinkStream>>,
    waiting: Option<oneshot::Sender<LinkStream>>,
    taker: Taker,
}

impl Driver {
    /// Runs until the guest or the host lets go of the link.
    async fn run(mut self) {
        poll_fn(|cx| {
            loop {
                if self.waiting.is_none() {
                    match self.open_requests.poll_recv(cx) {
                        Poll::Ready(Some(request)) => self.waiting = Some(request),
                        Poll::Ready(None) => return Poll::Ready(()),
                        Poll::Pending => {}
                    }
                }
                if self.waiting.is_some()
                    && let Poll::Ready(opened) = self.connection.poll_new_outbound(cx)
                {
                    let Ok(stream) = opened else {
                        return Poll::Ready(());
                    };
                    if let Some(reply) = self.waiting.take() {
                        // An asker that is gone drops the stream; nothing was sent on it.
                        let _ = reply.send(stream.compat());
                    }
                    continue;
                }
                match self.connection.poll_next_inbound(cx) {
                    Poll::Ready(Some(Ok(stream))) => {
                        let taker = self.taker.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(taker) = &*taker {
                            // A full queue refuses the connection, as a listener's backlog does.
                            let _ = taker.try_send(stream.compat());
                        }
                    }
                    Poll::Ready(Some(Err(error))) => {
                        tracing::debug!(%error, "link broke");
                        return Poll::Ready(());
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {
                        return match self.output.poll_send(cx) {
                            Poll::Ready(Err(_)) => Poll::Ready(()),
                            _ => Poll::Pending,
                        };
                    }
                }
            }
        })
        .await;
    }
}

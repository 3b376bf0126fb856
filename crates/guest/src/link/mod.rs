//! The link to the host: its socket or two descriptors, the handshake, and the task that drives yamux.

pub(crate) mod frames;
mod outgoing;

use std::{
    cell::RefCell,
    io,
    net::{Ipv4Addr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite};
use isol8_protocol::{
    LINK_PATH, MAX_STREAMS, MIN_WINDOW_BYTES, PREAMBLE_BYTES, PreambleError, check_preamble,
    preamble,
};
use tokio::{
    io::Interest,
    sync::{mpsc, oneshot},
};

use self::{frames::OUTPUT_FRAME_BYTES, outgoing::Outgoing};
use crate::fd::{Fd, set_nonblocking};

/// Bytes read from the link at once, so that small yamux frames do not cost two calls each.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Why the link ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// The host closed the link before the handshake was done.
    #[error("the host closed the link before its first bytes")]
    NoHandshake,
    /// The peer is not a host of this version.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The descriptors failed.
    #[error("the link broke: {0}")]
    Io(#[from] io::Error),
    /// The peer broke the multiplexing protocol.
    #[error("the link broke: {0}")]
    Yamux(#[from] yamux::ConnectionError),
}

/// The descriptors of the link.
pub(crate) struct Wire {
    input: Fd,
    output: OwnedFd,
}

impl Wire {
    /// Connects to the socket of the host, if there is one. The host listens before the sandbox starts, so
    /// the guest does not wait.
    ///
    /// With the socket, the OCI runtime makes the network. If it leaves loopback down, the guest does not
    /// take the socket, and the host then lets Docker make the network.
    pub(crate) fn socket() -> Option<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let socket = UnixStream::connect(LINK_PATH).ok()?;
        let output = socket.try_clone().ok()?;
        Self::pair(socket.into(), output.into()).ok()
    }

    /// A descriptor for each direction.
    pub(crate) fn pair(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        // A descriptor that is waited for in both directions wakes the guest each time the host has read.
        let input = Fd::with_interest(input, Interest::READABLE)?;
        set_nonblocking(&output)?;
        Ok(Self { input, output })
    }
}

/// Both directions of the link, as yamux wants them.
struct Duplex {
    input: Fd,
    buffer: Box<[u8]>,
    /// The part of `buffer` that was read and not passed on yet.
    filled: std::ops::Range<usize>,
    output: Rc<RefCell<Outgoing>>,
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.filled.is_empty() {
            if target.len() >= this.buffer.len() {
                return this.input.poll_read(cx, target);
            }
            let count = ready!(this.input.poll_read(cx, &mut this.buffer))?;
            this.filled = 0..count;
        }
        let count = target.len().min(this.filled.len());
        let start = this.filled.start;
        target[..count].copy_from_slice(&this.buffer[start..start + count]);
        this.filled.start += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.borrow_mut().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // See `Outgoing`.
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.borrow_mut().poll_flush(cx)
    }
}

/// The link after a successful handshake.
pub(crate) struct Link {
    connection: yamux::Connection<Duplex>,
    output: Rc<RefCell<Outgoing>>,
}

impl Link {
    /// Sends this side's preamble, checks the other's, and starts yamux. At most `window_bytes` of one
    /// stream may be on their way to the guest, beyond what each stream may have. `on_shortage` is called when the
    /// system has no memory for what the guest sends.
    pub(crate) async fn open(
        Wire { input, output }: Wire,
        window_bytes: u64,
        on_shortage: impl Fn() + 'static,
    ) -> Result<Self, LinkError> {
        let mut outgoing = Outgoing::new(output, Box::new(on_shortage));
        outgoing.buffer.extend(preamble());
        std::future::poll_fn(|cx| outgoing.poll_flush(cx)).await?;
        check_preamble(read_preamble(&input).await?)?;

        let output = Rc::new(RefCell::new(outgoing));
        let duplex = Duplex {
            input,
            buffer: vec![0; READ_BUFFER_BYTES].into(),
            filled: 0..0,
            output: Rc::clone(&output),
        };
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        let window = usize::try_from(window_bytes).unwrap_or(usize::MAX);
        let window = MIN_WINDOW_BYTES.saturating_add(window);
        config.set_max_connection_receive_window(Some(window));
        config.set_split_send_size(OUTPUT_FRAME_BYTES);
        let connection = yamux::Connection::new(duplex, config, yamux::Mode::Server);
        Ok(Self { connection, output })
    }

    /// Moves bytes between the link and its streams until the link ends. Passes each stream that the host opens
    /// to `accept`, and a new stream to each requester in `wanted`.
    pub(crate) async fn drive(
        mut self,
        mut accept: impl FnMut(yamux::Stream),
        mut wanted: mpsc::Receiver<oneshot::Sender<yamux::Stream>>,
    ) -> Result<(), LinkError> {
        let mut next_wanted = None;
        std::future::poll_fn(|cx| {
            loop {
                if next_wanted.is_none()
                    && let Poll::Ready(wanted) = wanted.poll_recv(cx)
                {
                    next_wanted = wanted;
                }
                if next_wanted.is_none() {
                    break;
                }
                match self.connection.poll_new_outbound(cx) {
                    Poll::Ready(Ok(stream)) => {
                        // A requester that no longer waits gets no stream, and nothing is sent on it.
                        let _ = next_wanted.take().map(|wanted| wanted.send(stream));
                    }
                    // Dropping the sender reports the failure to the requester.
                    Poll::Ready(Err(yamux::ConnectionError::TooManyStreams)) => next_wanted = None,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => break,
                }
            }
            while let Poll::Ready(next) = self.connection.poll_next_inbound(cx) {
                match next {
                    Some(Ok(stream)) => accept(stream),
                    Some(Err(error)) => return Poll::Ready(Err(error.into())),
                    None => return Poll::Ready(Ok(())),
                }
            }
            match self.output.borrow_mut().poll_flush(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

async fn read_preamble(input: &Fd) -> Result<[u8; PREAMBLE_BYTES], LinkError> {
    let mut bytes = [0; PREAMBLE_BYTES];
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]).await? {
            0 => return Err(LinkError::NoHandshake),
            count => filled += count,
        }
    }
    Ok(bytes)
}

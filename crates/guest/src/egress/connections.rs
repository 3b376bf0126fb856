//! The connections to the proxy port, each with a stream to the host.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use isol8_protocol::MAX_EGRESS_STREAMS;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::sleep,
};

use super::{Served, StreamRequest, owner, small_pieces::SmallPieces};

/// Buffer size for one direction of a connection, in bytes. Small, so that many connections take turns
/// quickly and need little memory.
const COPY_BYTES: usize = 16 * 1024;

/// Connections at one time whose socket has [`LARGE_SEND_BUFFER`]. A program with more of them has enough in flight.
const LARGE_BUFFERS: usize = 16;

/// The send buffer that a few connections get, in bytes. Linux doubles it, and allows no larger one unless
/// `net.core.wmem_max` is raised. With the buffers of a sandbox's network, a download wakes the guest twice as often
/// (measured on Linux 6.18).
const LARGE_SEND_BUFFER: usize = 208 * 1024;

/// Pause after a connection could not be accepted, because the system lacks some resource.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Connections {
    pub(super) streams: mpsc::Sender<StreamRequest>,
    /// Number of connections whose program may still send.
    pub(super) speaking: Rc<Cell<usize>>,
    pub(super) small_pieces: Rc<SmallPieces>,
    pub(super) served: watch::Receiver<Served>,
}

impl Connections {
    /// Accepts connections and serves them. Dropping the future ends them.
    pub(super) async fn accept(self, listener: Rc<TcpListener>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_EGRESS_STREAMS => {
                    match accepted {
                        Ok((client, _)) => {
                            if connections.len() < LARGE_BUFFERS {
                                // If the option fails, the socket still works.
                                let _ = setsockopt(&client, sockopt::SndBuf, &LARGE_SEND_BUFFER);
                            }
                            let speaking = Speaking::new(&self.speaking);
                            let connection = Connection {
                                streams: self.streams.clone(),
                                speaking,
                                small_pieces: Rc::clone(&self.small_pieces),
                                served: self.served.clone(),
                            };
                            connections.spawn_local(connection.serve(client));
                        }
                        Err(_) => sleep(ACCEPT_PAUSE).await,
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Counts a connection while its program may still send.
struct Speaking(Rc<Cell<usize>>);

impl Speaking {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One connection.
struct Connection {
    streams: mpsc::Sender<StreamRequest>,
    speaking: Speaking,
    small_pieces: Rc<SmallPieces>,
    served: watch::Receiver<Served>,
}

impl Connection {
    /// Serves a connection from its first byte to the end of both directions.
    async fn serve(mut self, mut client: TcpStream) {
        // No stream is opened for a connection that sends nothing.
        if client.readable().await.is_err() || !may_pass(&client, &mut self.served).await {
            return;
        }
        let (wanted, stream) = oneshot::channel();
        if self.streams.send(wanted).await.is_err() {
            return;
        }
        let Ok(stream) = stream.await else {
            return;
        };
        // Bytes should not wait for more. If the option fails, the socket still works.
        let _ = client.set_nodelay(true);
        let relayed = relay(&mut client, stream, self.speaking, &self.small_pieces).await;
        if relayed.is_err() {
            // The program sees a reset, and so does the host.
            let _ = client.set_zero_linger();
        }
    }
}

/// Whether the port is for this client.
async fn may_pass(client: &TcpStream, served: &mut watch::Receiver<Served>) -> bool {
    let known = served.wait_for(|served| *served != Served::Awaited).await;
    match known.map(|served| *served) {
        Ok(Served::Everyone) => true,
        Ok(Served::Program(program)) => {
            let peer = client.peer_addr();
            peer.is_ok_and(|peer| owner::belongs_to(peer, program))
        }
        Ok(Served::Awaited) | Err(_) => false,
    }
}

async fn relay(
    client: &mut TcpStream,
    host: yamux::Stream,
    speaking: Speaking,
    small_pieces: &SmallPieces,
) -> io::Result<()> {
    let host = RefCell::new(host);
    let (reader, writer) = client.split();
    let said_all = Cell::new(false);
    let up = async {
        to_host(&reader, &host, small_pieces).await?;
        drop(speaking);
        said_all.set(true);
        Ok(())
    };
    let down = async {
        to_client(&host, &writer).await?;
        // The host gave the connection up. The program must not take what it received for
        // everything.
        if !said_all.get() && host.borrow().is_closed() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        shut_down(writer).await
    };
    tokio::try_join!(up, down).map(|_| ())
}

async fn to_host(
    client: &ReadHalf<'_>,
    host: &RefCell<yamux::Stream>,
    small_pieces: &SmallPieces,
) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        client.readable().await?;
        let mut bytes = match client.try_read(&mut buffer) {
            Ok(0) => return poll_fn(|cx| Pin::new(&mut *host.borrow_mut()).poll_close(cx)).await,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        small_pieces.wait_for_turn(bytes.len()).await;
        while !bytes.is_empty() {
            let count =
                poll_fn(|cx| Pin::new(&mut *host.borrow_mut()).poll_write(cx, bytes)).await?;
            bytes = &bytes[count..];
        }
    }
}

async fn to_client(host: &RefCell<yamux::Stream>, client: &WriteHalf<'_>) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count =
            poll_fn(|cx| Pin::new(&mut *host.borrow_mut()).poll_read(cx, &mut buffer)).await?;
        if count == 0 {
            return Ok(());
        }
        let mut bytes = &buffer[..count];
        while !bytes.is_empty() {
            client.writable().await?;
            match client.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Ends the direction to the program, which may still be sending.
async fn shut_down(mut client: WriteHalf<'_>) -> io::Result<()> {
    poll_fn(|cx| tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut client), cx)).await
}

//! The proxy port: each connection of a program becomes a stream to the host, where the proxy is. The guest
//! does not interpret the bytes. It passes them on in both directions, as fast as the slower side takes
//! them.
//!
//! The port may serve one program only. Then only connections of that program are passed on, see `owner`.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    net::Ipv4Addr,
    os::fd::AsRawFd,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use isol8_protocol::{ErrorKind, MAX_EGRESS_STREAMS, PROXY_PORT, ProxyPort};
use nix::libc;
use tokio::{
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Mutex, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use crate::{failure::Failure, owner, small_pieces::SmallPieces};

/// Buffer size for one direction of a connection, in bytes. Small, so that many connections take turns
/// quickly and need little memory.
const COPY_BYTES: usize = 16 * 1024;

/// Pause after a connection could not be accepted, because the system lacks some resource.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Longest time to pass on what ended programs had sent.
const SETTLE_DEADLINE: Duration = Duration::from_millis(100);

/// Time between two checks of that.
const SETTLE_STEP: Duration = Duration::from_millis(1);

/// Where a connection waits for its stream to the host.
type StreamRequest = oneshot::Sender<yamux::Stream>;

/// The processes whose connections are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Everyone,
    /// A program that has not been started yet. Connections wait until then.
    Awaited,
    /// This program and the processes that it started.
    Program(i32),
}

/// The listener, when there is one, and its connections.
pub(crate) struct Egress {
    listening: Mutex<Option<Listening>>,
    served: watch::Sender<Served>,
    streams: mpsc::Sender<StreamRequest>,
    /// Number of connections whose program may still send, or whose bytes are not passed on yet.
    speaking: Rc<Cell<usize>>,
}

struct Listening {
    listener: Rc<TcpListener>,
    /// Ends when aborted, and the connections with it.
    task: JoinHandle<()>,
}

impl Egress {
    /// Starts without a listener. The returned queue has the requests for streams to the host.
    pub(crate) fn new() -> (Self, mpsc::Receiver<StreamRequest>) {
        let (streams, wanted) = mpsc::channel(MAX_EGRESS_STREAMS);
        let egress = Self {
            listening: Mutex::default(),
            served: watch::Sender::new(Served::Everyone),
            streams,
            speaking: Rc::default(),
        };
        (egress, wanted)
    }

    /// Opens or closes the port for a program that is about to start. If the port is for that program only,
    /// [`serve`](Self::serve) names the program after its start.
    pub(crate) async fn set(&self, port: ProxyPort) -> Result<(), Failure> {
        match port {
            ProxyPort::Closed => {
                self.close().await;
                return Ok(());
            }
            ProxyPort::Open => self.served.send_replace(Served::Everyone),
            ProxyPort::Program => {
                self.close().await;
                self.served.send_replace(Served::Awaited)
            }
        };
        let mut listening = self.listening.lock().await;
        if listening.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT)).await;
            let listener = Rc::new(listener.map_err(|error| in_the_way(&error))?);
            let connections = Connections {
                streams: self.streams.clone(),
                speaking: Rc::clone(&self.speaking),
                small_pieces: Rc::new(SmallPieces::new()),
                served: self.served.subscribe(),
            };
            let task = tokio::task::spawn_local(connections.accept(Rc::clone(&listener)));
            *listening = Some(Listening { listener, task });
        }
        Ok(())
    }

    /// Names the program that the port serves, if it serves one only.
    pub(crate) fn serve(&self, program: i32) {
        self.served.send_if_modified(|served| {
            let awaited = *served == Served::Awaited;
            if awaited {
                *served = Served::Program(program);
            }
            awaited
        });
    }

    /// Closes the listener and its connections. They are closed when this returns.
    pub(crate) async fn close(&self) {
        if let Some(Listening { task, .. }) = self.listening.lock().await.take() {
            task.abort();
            // An aborted task returns nothing of use.
            let _ = task.await;
        }
    }

    /// Whether no program has a connection.
    pub(crate) fn is_quiet(&self) -> bool {
        let Ok(listening) = self.listening.try_lock() else {
            return false;
        };
        let waiting = |listening: &Listening| waits(&listening.listener);
        self.speaking.get() == 0 && !listening.as_ref().is_some_and(waiting)
    }

    /// Waits, for a short time, until everything that ended programs had sent is passed on. The kernel does the
    /// same for a process with a network interface.
    pub(crate) async fn settle(&self) {
        let listening = self.listening.lock().await;
        let Some(Listening { listener, .. }) = &*listening else {
            return;
        };
        let settled = async {
            while self.speaking.get() > 0 || waits(listener) {
                sleep(SETTLE_STEP).await;
            }
        };
        // Bytes that take longer are lost with their program.
        let _ = timeout(SETTLE_DEADLINE, settled).await;
    }
}

/// Whether a connection waits to be accepted.
fn waits(listener: &TcpListener) -> bool {
    let mut poll = libc::pollfd {
        fd: listener.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure, valid for the call, which does not wait.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
}

fn in_the_way(error: &io::Error) -> Failure {
    let message = format!(
        "cannot open the proxy's port 127.0.0.1:{PROXY_PORT}: {error} (a process that an earlier \
         run left behind may be using it)"
    );
    Failure::new(ErrorKind::System, "", message)
}

/// What all connections share.
struct Connections {
    streams: mpsc::Sender<StreamRequest>,
    speaking: Rc<Cell<usize>>,
    small_pieces: Rc<SmallPieces>,
    served: watch::Receiver<Served>,
}

impl Connections {
    async fn accept(self, listener: Rc<TcpListener>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_EGRESS_STREAMS => {
                    match accepted {
                        Ok((client, _)) => {
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

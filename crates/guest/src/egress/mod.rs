//! The proxy port: each connection of a program becomes a stream to the host, where the proxy is. The guest
//! does not interpret the bytes. It passes them on in both directions, as fast as the slower side takes
//! them.
//!
//! The port may serve one program only. Then only connections of that program are passed on, see `owner`.

mod connections;
mod owner;
mod small_pieces;

use std::{cell::Cell, io, net::Ipv4Addr, os::fd::AsRawFd, rc::Rc, time::Duration};

use isol8_protocol::{ErrorKind, MAX_EGRESS_STREAMS, PROXY_PORT, ProxyPort};
use nix::libc;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::{connections::Connections, small_pieces::SmallPieces};
use crate::failure::Failure;

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

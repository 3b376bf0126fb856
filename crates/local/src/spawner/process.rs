//! A spawner that runs: orders to it, and its answers.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    os::unix::net::UnixStream,
    process::Child,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use isol8_backend::{BackendError, BackendErrorKind, GUEST_DIGEST, Socket};
use isol8_protocol::{FromSpawner, SandboxPlan, ToSpawner};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, shutdown};
use sha2::{Digest as _, Sha256};
use tokio::{sync::oneshot, time};

use super::{launch::Launched, packets, share::Share};

/// How long a sandbox may take to start, and to end when it is killed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Time between two attempts to send an order to a spawner that is busy.
const BUSY_INTERVAL: Duration = Duration::from_millis(1);

/// Stack of the thread that receives, in bytes.
const STACK_BYTES: usize = 64 * 1024;

/// The process that makes sandboxes. It ends with its last user here, and its sandboxes with it.
pub(crate) struct Spawner {
    socket: Arc<OwnedFd>,
    known: Arc<Mutex<Known>>,
    next: AtomicU64,
    process: u32,
    _share: Share,
}

/// What is known of its sandboxes.
#[derive(Default)]
struct Known {
    sandboxes: HashMap<u64, Waiting>,
    ended: bool,
}

/// Who waits for news of a sandbox.
#[derive(Default)]
struct Waiting {
    /// Gets the reason when there will be no guest.
    start: Option<oneshot::Sender<String>>,
    end: Vec<oneshot::Sender<()>>,
}

/// A sandbox that has started.
pub(crate) struct Running {
    /// Its number.
    pub(crate) number: u64,
    /// The link to its guest.
    pub(crate) stream: Socket,
}

impl Spawner {
    pub(super) fn new(launched: Launched, share: Share) -> io::Result<Self> {
        let Launched { socket, child } = launched;
        let process = child.id();
        let (socket, known) = (Arc::new(socket), Arc::new(Mutex::new(Known::default())));
        let (theirs, news) = (Arc::clone(&socket), Arc::clone(&known));
        thread::Builder::new()
            .name("isol8-spawner".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || receive(&theirs, &news, child))?;
        Ok(Self {
            socket,
            known,
            next: AtomicU64::new(1),
            process,
            _share: share,
        })
    }

    /// Whether it can make sandboxes.
    pub(crate) fn is_alive(&self) -> bool {
        !lock(&self.known).ended
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Makes a sandbox. Dropping the future leaves none.
    pub(crate) async fn start(&self, mut plan: SandboxPlan) -> Result<Running, BackendError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        plan.number = number;
        plan.host_name = self.host_name(number);
        let (ours, theirs) = UnixStream::pair().map_err(|error| not_started(&error))?;
        ours.set_nonblocking(true)
            .map_err(|error| not_started(&error))?;
        let stream = Socket::new(ours).map_err(|error| not_started(&error))?;
        let (told, news) = oneshot::channel();
        {
            let mut known = lock(&self.known);
            if known.ended {
                return Err(not_started(&"the process that makes them has ended"));
            }
            let waiting = Waiting {
                start: Some(told),
                end: Vec::new(),
            };
            known.sandboxes.insert(number, waiting);
        }
        let unwanted = Unwanted(self, number);
        let order = ToSpawner::Start(Box::new(plan));
        let sent = self.order(&order, Some(theirs.as_fd())).await;
        drop(theirs);
        sent.map_err(|error| not_started(&error))?;
        let begun = time::timeout(DEADLINE, begin(&stream, news)).await;
        let begun = begun.unwrap_or_else(|_| Err("it took too long".to_owned()));
        begun.map_err(|message| not_started(&message))?;
        std::mem::forget(unwanted);
        Ok(Running { number, stream })
    }

    /// Kills a sandbox, and waits until nothing is left of it.
    pub(crate) async fn stop(&self, number: u64) -> Result<(), BackendError> {
        let (told, news) = oneshot::channel();
        {
            let mut known = lock(&self.known);
            let Some(waiting) = known.sandboxes.get_mut(&number) else {
                return Ok(());
            };
            waiting.end.push(told);
        }
        // A spawner that has ended has no sandbox.
        let _ = self.order(&ToSpawner::Stop { number }, None).await;
        if time::timeout(DEADLINE, news).await.is_err() {
            let message = format!("The local sandbox {number} does not end.");
            return Err(BackendError::new(BackendErrorKind::System, message));
        }
        Ok(())
    }

    /// A name for a sandbox that says nothing of this machine: as Docker's, twelve digits.
    fn host_name(&self, number: u64) -> String {
        let mut digest = Sha256::new_with_prefix(GUEST_DIGEST);
        digest.update(self.process.to_le_bytes());
        digest.update(number.to_le_bytes());
        hex::encode(&digest.finalize()[..6])
    }

    async fn order(
        &self,
        order: &ToSpawner,
        descriptor: Option<std::os::fd::BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let send = async {
            loop {
                match packets::send(&self.socket, order, descriptor, SendFlags::DONTWAIT) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        time::sleep(BUSY_INTERVAL).await;
                    }
                    sent => return sent,
                }
            }
        };
        time::timeout(DEADLINE, send)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        // The spawner sees the end of its host, and the thread that receives sees that, too.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

/// Waits until the guest at the other end of a link speaks. The error is why it never will.
async fn begin(link: &Socket, mut news: oneshot::Receiver<String>) -> Result<(), String> {
    let speaks = async {
        link.readable().await?;
        let (_, count) = recv(link, &mut [0_u8][..], RecvFlags::PEEK)?;
        io::Result::Ok(count > 0)
    };
    let failure = tokio::select! {
        biased;
        failure = &mut news => failure,
        // A link that has ended is not one that speaks: the spawner says why.
        Ok(true) = speaks => return Ok(()),
    };
    Err(failure.unwrap_or_else(|_| "the process that makes them has ended".to_owned()))
}

/// A sandbox whose start nobody waits for any more.
struct Unwanted<'a>(&'a Spawner, u64);

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        let Self(spawner, number) = self;
        // Its link is closed as well, at which a guest ends. This is for one that is not there yet.
        let stop = ToSpawner::Stop { number: *number };
        let _ = packets::send(&spawner.socket, &stop, None, SendFlags::DONTWAIT);
    }
}

fn not_started(reason: &dyn std::fmt::Display) -> BackendError {
    BackendError::new(
        BackendErrorKind::System,
        format!("A local sandbox could not be started: {reason}"),
    )
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Receives the answers of a spawner until it ends, and collects its process.
fn receive(socket: &OwnedFd, known: &Mutex<Known>, mut child: Child) {
    let mut buffer = packets::buffer();
    while let Ok(Some(message)) = packets::receive(socket, &mut buffer) {
        tell(known, message);
    }
    {
        let mut known = lock(known);
        known.ended = true;
        // The end of the channel wakes whoever waits.
        known.sandboxes.clear();
    }
    // It ends as soon as its sandboxes have.
    let _ = child.wait();
}

fn tell(known: &Mutex<Known>, message: FromSpawner) {
    let mut known = lock(known);
    match message {
        FromSpawner::NotStarted { number, message } => {
            let waiting = known.sandboxes.get_mut(&number);
            if let Some(start) = waiting.and_then(|waiting| waiting.start.take()) {
                let _ = start.send(message);
            }
        }
        FromSpawner::Ended { number } => {
            let Some(waiting) = known.sandboxes.remove(&number) else {
                return;
            };
            if let Some(start) = waiting.start {
                // Nobody waits for that any more where the guest has begun.
                let _ = start.send("its first process has ended".to_owned());
            }
            for end in waiting.end {
                let _ = end.send(());
            }
        }
        FromSpawner::NeedsUsers | FromSpawner::Ready { .. } | FromSpawner::Failed { .. } => {}
    }
}

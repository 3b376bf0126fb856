//! Looking up names.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limits::{MAX_FURTHER_LOOKUPS, MAX_SINGLE_LOOKUPS};

/// Stack of the thread of a lookup, in bytes. Modules of the system's resolver take part of it.
const STACK_BYTES: usize = 512 * 1024;

/// What a lookup holds until it has ended. `None` where lookups are not limited.
pub type LookupTurn = Option<OwnedSemaphorePermit>;

/// What a lookup is to its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupPlace {
    /// The one lookup that each run may have whatever others do.
    Single,
    /// One beside it.
    Further,
}

/// Looks names up. The proxy calls it once for each connection that it makes.
pub trait Resolver: Send + Sync {
    /// Waits until another lookup may begin at this place, and returns what [`Resolver::resolve`] takes. A caller
    /// that drops the future waits no longer. Default: at once, without a limit.
    fn turn(&self, _place: LookupPlace) -> BoxFuture<'_, LookupTurn> {
        Box::pin(std::future::ready(None))
    }

    /// The addresses of `host`, a normalised name that is not itself an address. Dropping the
    /// future may abandon the lookup. The lookup holds `turn` until it has really ended.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system, with turns for at most [`MAX_SINGLE_LOOKUPS`] and
/// [`MAX_FURTHER_LOOKUPS`] lookups at a time.
#[derive(Debug)]
pub struct SystemResolver {
    single: Arc<Semaphore>,
    further: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            single: Arc::new(Semaphore::new(MAX_SINGLE_LOOKUPS)),
            further: Arc::new(Semaphore::new(MAX_FURTHER_LOOKUPS)),
        }
    }
}

impl Resolver for SystemResolver {
    fn turn(&self, place: LookupPlace) -> BoxFuture<'_, LookupTurn> {
        let places = match place {
            LookupPlace::Single => &self.single,
            LookupPlace::Further => &self.further,
        };
        // `None` only if the semaphore is closed, and it never is.
        Box::pin(async move { Arc::clone(places).acquire_owned().await.ok() })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let host = host.to_owned();
            let (answer, answered) = oneshot::channel();
            // A thread of its own: those of the runtime are fewer than the places, and others need them.
            std::thread::Builder::new()
                .name("lookup".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    // The turn goes with the thread, because an abandoned lookup still occupies its thread.
                    let _turn = turn;
                    let found = (host.as_str(), 0).to_socket_addrs();
                    // Nobody may wait any more.
                    let _ = answer.send(found.map(|all| all.map(|address| address.ip()).collect()));
                })?;
            answered.await.map_err(io::Error::other)?
        })
    }
}

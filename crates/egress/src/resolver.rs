//! Looking up names.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::MAX_LOOKUPS;

/// What a lookup holds until it has ended. `None` where lookups are not limited.
pub type LookupTurn = Option<OwnedSemaphorePermit>;

/// Looks names up. The proxy calls it once for each connection that it makes.
pub trait Resolver: Send + Sync {
    /// Waits until another lookup may begin, and returns what [`Resolver::resolve`] takes. A caller that
    /// drops the future waits no longer. Default: at once, without a limit.
    fn turn(&self) -> BoxFuture<'_, LookupTurn> {
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

/// The resolver of the operating system, with turns for at most [`MAX_LOOKUPS`] lookups at a time.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }
}

impl Resolver for SystemResolver {
    fn turn(&self) -> BoxFuture<'_, LookupTurn> {
        // `None` only if the semaphore is closed, and it never is.
        Box::pin(async move { Arc::clone(&self.lookups).acquire_owned().await.ok() })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                // The turn goes with the thread, because an abandoned lookup still occupies its thread.
                let _turn = turn;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            })
            .await
            .map_err(io::Error::other)?
        })
    }
}

//! Looking up names.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::limits::MAX_LOOKUPS;

/// Looks names up. The proxy calls it once for each connection that it makes.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, a normalised name that is not itself an address. Dropping the
    /// future may abandon the lookup.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system, at most [`MAX_LOOKUPS`] lookups at a time.
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
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // The permit goes with the thread, because an abandoned lookup still occupies its thread.
            let permit = Arc::clone(&self.lookups)
                .acquire_owned()
                .await
                .map_err(io::Error::other)?;
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            })
            .await
            .map_err(io::Error::other)?
        })
    }
}

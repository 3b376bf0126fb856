//! Resolves names: once, within limits, and only to addresses that the policy admits.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::context::Context;
use crate::host::Host;
use crate::limits::{MAX_ADDRESSES, MAX_LOOKUPS};
use crate::refusal::Refusal;

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

/// Returns the addresses of `host`: those that the policy gives, its own where it is one, or the
/// resolver's. At least one, at most [`MAX_ADDRESSES`], in the resolver's order.
///
/// A lookup belongs to its run until it has ended, also when this future is dropped: the threads that
/// a program can occupy are few.
pub(crate) async fn lookup(context: &Context, host: &Host) -> Result<Vec<IpAddr>, Refusal> {
    let found = if let Some(pinned) = context.policy.pinned(host) {
        pinned.to_vec()
    } else if let Some(ip) = host.ip() {
        vec![ip]
    } else {
        let turn = context.run.lookup_turn().await;
        let (resolver, host) = (Arc::clone(&context.resolver), host.clone());
        let resolving = tokio::spawn(async move {
            let _turn = turn;
            resolver.resolve(host.as_str()).await
        });
        let outcome = resolving.await.map_err(|_| Refusal::Unresolved)?;
        outcome.map_err(|_| Refusal::Unresolved)?
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.iter().map(IpAddr::to_canonical) {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        Err(Refusal::Unresolved)
    } else {
        Ok(addresses)
    }
}

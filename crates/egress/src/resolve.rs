//! Resolves the host of a connection: once, and within the limits of its run.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::context::Context;
use crate::host::Host;
use crate::limits::MAX_ADDRESSES;
use crate::refusal::Refusal;
use crate::resolver::{LookupPlace, LookupTurn};

/// Returns the addresses of `host`: those that the policy gives, its own where it is one, or the
/// resolver's. At least one, at most [`MAX_ADDRESSES`], in the resolver's order.
///
/// A lookup that has begun belongs to its run until it has ended, also when this future is dropped: the
/// threads that a program can occupy are few. One that has not begun is given up, so that the lookups of
/// programs that have gone take no turn from others.
pub(crate) async fn lookup(context: &Context, host: &Host) -> Result<Vec<IpAddr>, Refusal> {
    let found = if let Some(pinned) = context.policy.pinned(host) {
        pinned.to_vec()
    } else if let Some(ip) = host.ip() {
        vec![ip]
    } else {
        let permit = context.run.lookup_permit().await;
        let (single, turn) = turn(context).await;
        let (resolver, host) = (Arc::clone(&context.resolver), host.clone());
        let resolving = tokio::spawn(async move {
            let _permits = (permit, single);
            resolver.resolve(host.as_str(), turn).await
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

/// Waits for the place that the run has for itself, or for one of those that all runs share. Runs whose lookups
/// nobody answers take all of the second kind. They take none of the first from others.
async fn turn(context: &Context) -> (Option<OwnedSemaphorePermit>, LookupTurn) {
    let own = async {
        let single = context.run.single_lookup_permit().await;
        (single, context.resolver.turn(LookupPlace::Single).await)
    };
    let shared = async { (None, context.resolver.turn(LookupPlace::Further).await) };
    tokio::select! {
        biased;
        taken = own => taken,
        taken = shared => taken,
    }
}

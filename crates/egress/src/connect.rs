//! Gets from a host and a port to a connected socket: judge, resolve, dial (RFC 8305).

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::timeout;

use crate::context::Context;
use crate::dial::dial;
use crate::host::Host;
use crate::own_address::is_own;
use crate::policy::{Denial, Grant, Policy};
use crate::refusal::Refusal;
use crate::resolve::lookup;
use crate::target::Target;
use crate::upstream_socket::UpstreamSocket;

/// Connects to `target` if the policy allows it. Cancel safe: dropping it abandons everything.
pub(crate) async fn connect(context: &Context, target: &Target) -> Result<UpstreamSocket, Refusal> {
    let attempt = async {
        let Target { host, port } = target.clone();
        let grant = decide(context, move |policy| policy.judge(&host, port)).await?;
        let found = lookup(context, &target.host).await?;
        let host = target.host.clone();
        let admitted = decide(context, move |policy| admit(policy, &host, grant, found)).await?;
        let buffers = context.run.take_buffers();
        let (buffers, permit) = buffers.ok_or(Refusal::TooManyConnections)?;
        let socket = dial(admitted, target.port, buffers).await?;
        let idle = context.limits.idle_timeout;
        Ok(UpstreamSocket::new(
            socket,
            Arc::clone(&context.run),
            idle,
            permit,
        ))
    };
    timeout(context.limits.connect_timeout, attempt)
        .await
        .unwrap_or(Err(Refusal::TimedOut))
}

/// Returns the addresses of `host` that may be dialled. The error is that of the first refused one.
fn admit(
    policy: &Policy,
    host: &Host,
    grant: Grant,
    found: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, Denial> {
    let mut denial = Denial::ForbiddenAddress;
    let mut admitted = Vec::new();
    for address in found.into_iter().rev() {
        match policy.admits(host, grant, address, is_own(address)) {
            Ok(()) => admitted.push(address),
            Err(why) => denial = why,
        }
    }
    admitted.reverse();
    if admitted.is_empty() {
        Err(denial)
    } else {
        Ok(admitted)
    }
}

/// Returns the outcome of `decision`. One that can take long runs on a thread of its own, so that it
/// delays its own run only.
async fn decide<T: Send + 'static>(
    context: &Context,
    decision: impl FnOnce(&Policy) -> Result<T, Denial> + Send + 'static,
) -> Result<T, Refusal> {
    if context.policy.is_fast() {
        return Ok(decision(&context.policy)?);
    }
    let permit = context.run.decision_permit().await;
    let policy = Arc::clone(&context.policy);
    let decided = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        decision(&policy)
    });
    Ok(decided.await.map_err(|_| Refusal::Failed)??)
}

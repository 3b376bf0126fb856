//! Gets from a host and a port to a connected socket: judge, resolve, dial (RFC 8305).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::host::Host;
use crate::limits::ATTEMPT_DELAY;
use crate::own_address::is_own;
use crate::policy::{Denial, Grant, Policy};
use crate::refusal::Refusal;
use crate::resolve::lookup;
use crate::target::Target;

/// Connects to `target` if the policy allows it. Cancel safe: dropping it abandons everything.
pub(crate) async fn connect(context: &Context, target: &Target) -> Result<TcpStream, Refusal> {
    let attempt = async {
        let Target { host, port } = target.clone();
        let grant = decide(context, move |policy| policy.judge(&host, port)).await?;
        let found = lookup(&context.policy, &*context.resolver, &target.host).await?;
        let host = target.host.clone();
        let admitted = decide(context, move |policy| admitted(policy, &host, grant, found)).await?;
        dial(interleave(admitted), target.port).await
    };
    timeout(context.limits.connect_timeout, attempt)
        .await
        .unwrap_or(Err(Refusal::TimedOut))
}

/// Returns the addresses of `host` that may be dialled. The error is that of the first refused one.
fn admitted(
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

/// Returns what `decision` says. A decision that can take long runs where it holds nobody up but its
/// own run.
async fn decide<T: Send + 'static>(
    context: &Context,
    decision: impl FnOnce(&Policy) -> Result<T, Denial> + Send + 'static,
) -> Result<T, Refusal> {
    if context.policy.is_fast() {
        return Ok(decision(&context.policy)?);
    }
    let turn = context.run.decision_turn().await;
    let policy = Arc::clone(&context.policy);
    let decided = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        decision(&policy)
    });
    Ok(decided.await.map_err(|_| Refusal::Failed)??)
}

/// Alternates the families, beginning with the resolver's first choice.
fn interleave(addresses: Vec<IpAddr>) -> VecDeque<IpAddr> {
    let six_first = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = VecDeque::new();
    loop {
        let (a, b) = (first.next(), second.next());
        if a.is_none() && b.is_none() {
            return mixed;
        }
        mixed.extend(a);
        mixed.extend(b);
    }
}

/// Connects to the first address that answers. The next attempt starts when the one before has failed
/// or has had its head start.
async fn dial(mut waiting: VecDeque<IpAddr>, port: u16) -> Result<TcpStream, Refusal> {
    let mut attempts = FuturesUnordered::new();
    let mut failure = Refusal::Failed;
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(TcpStream::connect(SocketAddr::new(address, port)));
        }
        tokio::select! {
            biased;
            Some(result) = attempts.next() => match result {
                Ok(stream) => {
                    // Relayed bytes should not wait for more. If the option fails, the socket still works.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => {
                    failure = Refusal::of_dialling(&error);
                    if attempts.is_empty() && waiting.is_empty() {
                        return Err(failure);
                    }
                }
            },
            () = sleep(ATTEMPT_DELAY), if !waiting.is_empty() => {}
            else => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<IpAddr> {
        text.split(' ').map(|a| a.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate() {
        assert_eq!(
            interleave(list("::1 ::2 1.1.1.1 ::3")),
            list("::1 1.1.1.1 ::2 ::3")
        );
        assert_eq!(
            interleave(list("1.1.1.1 1.1.1.2 ::1")),
            list("1.1.1.1 ::1 1.1.1.2")
        );
        assert!(interleave(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Nothing listens on 127.0.0.2 at this port.
        let stream = dial(list("127.0.0.2 127.0.0.1").into(), port)
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), list("127.0.0.1")[0]);
        drop(listener);
        let refused = dial(list("127.0.0.1").into(), port).await.unwrap_err();
        assert_eq!(refused, Refusal::ConnectionRefused);
    }
}

//! Gets from a host and a port to a connected socket: judge, resolve, dial (RFC 8305).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::limits::ATTEMPT_DELAY;
use crate::refusal::Refusal;
use crate::resolve::addresses;
use crate::target::Target;

/// Connects to `target` if the policy allows it. Cancel safe: dropping it abandons everything.
pub(crate) async fn connect(context: &Context, target: &Target) -> Result<TcpStream, Refusal> {
    let Context {
        policy,
        resolver,
        limits,
        ..
    } = context;
    let Target { host, port } = target;
    let grant = policy.judge(host, *port)?;
    let attempt = async {
        let found = addresses(policy, &**resolver, host, grant).await?;
        dial(interleave(found), *port).await
    };
    timeout(limits.connect_timeout, attempt)
        .await
        .unwrap_or(Err(Refusal::TimedOut))
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

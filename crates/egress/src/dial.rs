//! Connects to the first of several addresses that answers (RFC 8305).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::limits::ATTEMPT_DELAY;
use crate::refusal::Refusal;
use crate::run::SocketBuffers;

/// Connects to the first address that answers. The next attempt starts when the one before has failed
/// or has had its head start.
pub(crate) async fn dial(
    addresses: Vec<IpAddr>,
    port: u16,
    buffers: SocketBuffers,
) -> Result<TcpStream, Refusal> {
    let mut waiting = interleave(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut failure = Refusal::Failed;
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(attempt(SocketAddr::new(address, port), buffers));
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

async fn attempt(address: SocketAddr, buffers: SocketBuffers) -> io::Result<TcpStream> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // Before connecting, because both sides agree on the size of their windows then.
    buffers.apply(&socket)?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::run::Run;

    fn buffers() -> SocketBuffers {
        let run = Run::new(&Limits::default());
        run.take_buffers().unwrap().0
    }

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
        let stream = dial(list("127.0.0.2 127.0.0.1"), port, buffers())
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), list("127.0.0.1")[0]);
        drop(listener);
        let refused = dial(list("127.0.0.1"), port, buffers()).await.unwrap_err();
        assert_eq!(refused, Refusal::ConnectionRefused);
    }
}

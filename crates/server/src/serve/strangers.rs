//! Connections whose clients have shown no key yet. They are few, so that nobody without a key can shut others out: the oldest
//! one ends where there are too many.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Most of them at a time, whoever they are.
pub(super) const MAX: usize = 1024;

/// Most of them at a time from one address, which may be that of a proxy.
const MAX_OF_PEER: usize = 512;

/// Bits of an IPv6 address that belong to one customer of a provider.
const PREFIX_MASK: u128 = !(u64::MAX as u128);

/// The strangers of a server.
#[derive(Default)]
pub(super) struct Strangers(Mutex<All>);

#[derive(Default)]
struct All {
    last: u64,
    /// In the order of their arrival.
    by_number: BTreeMap<u64, Known>,
}

struct Known {
    peer: Option<IpAddr>,
    unwelcome: CancellationToken,
}

/// One of them, until this is dropped.
pub(super) struct Stranger {
    strangers: Arc<Strangers>,
    number: u64,
    /// Cancelled when it has to make room.
    pub(super) unwelcome: CancellationToken,
}

impl Strangers {
    /// Lets one in. The oldest of its address, or of all, makes room where that is needed.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<IpAddr>) -> Stranger {
        let peer = peer.map(network);
        let mut all = self.all();
        let of_peer = |known: &&Known| peer.is_some() && known.peer == peer;
        let is_full = all.by_number.len() >= MAX;
        let oldest = if all.by_number.values().filter(of_peer).count() >= MAX_OF_PEER {
            all.by_number.iter().find(|(_, known)| of_peer(known))
        } else {
            all.by_number.iter().next().filter(|_| is_full)
        };
        if let Some(oldest) = oldest.map(|(number, _)| *number)
            && let Some(known) = all.by_number.remove(&oldest)
        {
            known.unwelcome.cancel();
        }
        all.last += 1;
        let (number, unwelcome) = (all.last, CancellationToken::new());
        let known = Known {
            peer,
            unwelcome: unwelcome.clone(),
        };
        all.by_number.insert(number, known);
        Stranger {
            strangers: Arc::clone(self),
            number,
            unwelcome,
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.strangers.all().by_number.remove(&self.number);
    }
}

/// What stands for everybody who may have this address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX_MASK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_drive_out_the_strangers_of_others() {
        let strangers = Arc::new(Strangers::default());
        let other = strangers.admit(Some(peer("192.0.2.1")));
        let mut flood: Vec<_> = (0..2 * MAX_OF_PEER)
            .map(|host| strangers.admit(Some(peer(&format!("2001:db8::{host:x}")))))
            .collect();
        assert!(!other.unwelcome.is_cancelled());
        let gone = |flood: &[Stranger]| {
            flood
                .iter()
                .filter(|one| one.unwelcome.is_cancelled())
                .count()
        };
        assert_eq!(gone(&flood), MAX_OF_PEER);
        assert!(flood[0].unwelcome.is_cancelled(), "the oldest goes first");
        flood.clear();
        let all: Vec<_> = (0..MAX).map(|_| strangers.admit(None)).collect();
        assert!(
            other.unwelcome.is_cancelled(),
            "all together are limited, too"
        );
        assert_eq!(gone(&all), 0);
        drop((all, other));
        assert!(strangers.all().by_number.is_empty());
    }

    #[test]
    fn an_address_counts_by_its_network() {
        for (one, other) in [
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::2:3:4:5"),
        ] {
            assert_eq!(network(peer(one)), network(peer(other)), "{one}");
        }
        assert_ne!(network(peer("192.0.2.1")), network(peer("192.0.2.2")));
    }
}

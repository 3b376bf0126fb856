//! Whether an address is one of this machine's interfaces.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Documentation addresses, which no machine has (RFC 5737, RFC 3849).
const UNUSED_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const UNUSED_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Whether connecting to `address` reaches this machine itself. Takes a few microseconds.
///
/// A socket can be bound to addresses of the machine alone. That also covers addresses without an
/// entry in the list of interfaces, such as routes of type `local`. Where the system lets sockets
/// bind to any address (`net.ipv4.ip_nonlocal_bind`), the list decides. What cannot be found out
/// counts as the machine's own.
#[must_use]
pub fn is_own(address: IpAddr) -> bool {
    let unused = match address {
        IpAddr::V4(_) => IpAddr::from(UNUSED_V4),
        IpAddr::V6(_) => IpAddr::from(UNUSED_V6),
    };
    match binds(address) {
        Ok(false) => false,
        Ok(true) if matches!(binds(unused), Ok(false)) => true,
        _ => is_listed(address),
    }
}

fn binds(address: IpAddr) -> io::Result<bool> {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_listed(address: IpAddr) -> bool {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return true;
    };
    interfaces.filter_map(|entry| entry.address).any(|entry| {
        let v4 = entry.as_sockaddr_in().map(|entry| IpAddr::from(entry.ip()));
        let v6 = entry
            .as_sockaddr_in6()
            .map(|entry| IpAddr::from(entry.ip()));
        v4.or(v6) == Some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_interfaces_are_own() {
        for own in ["127.0.0.1", "127.3.2.1"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        for other in ["192.0.2.77", "8.8.8.8", "2001:db8::77"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
        let mut listed = 0;
        for entry in nix::ifaddrs::getifaddrs().unwrap() {
            let address = entry.address.as_ref();
            if let Some(address) = address.and_then(|address| address.as_sockaddr_in()) {
                listed += 1;
                assert!(is_own(address.ip().into()), "{address}");
                assert!(is_listed(address.ip().into()), "{address}");
            }
        }
        assert!(listed > 0, "this machine has no IPv4 address at all");
        assert!(!is_listed(UNUSED_V4.into()));
    }
}

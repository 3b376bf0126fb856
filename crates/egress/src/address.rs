//! Classifies addresses. Pure. The policy decides what follows from a class.
//!
//! Sources: the IANA special-purpose address registries (RFC 6890), and the metadata addresses
//! that cloud providers document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The classes of addresses, from open to closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressClass {
    /// Globally reachable unicast.
    Public,
    /// A private network, or reserved: refused unless the host is whitelisted.
    Private,
    /// This machine: refused unless `allow_loopback` names it.
    Loopback,
    /// Link-local, metadata, unspecified, multicast, broadcast: always refused.
    Forbidden,
}

use AddressClass::{Forbidden, Loopback, Private, Public};

/// Metadata services outside the link-local range: Alibaba, Oracle, and Azure's wire server. The last
/// one has a public address, and the machine's own host answers it.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Metadata services over IPv6 outside the link-local range: Google, Oracle, Scaleway, Akamai,
/// Alibaba. Those of AWS have a block of their own, see [`own_class_v6`].
const METADATA_V6: [Ipv6Addr; 5] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0x100, 0, 0, 0, 0, 0x100, 0x200),
];

/// Returns the class of `ip`. An IPv6 address may carry an IPv4 address (mapped, compatible, 6to4,
/// NAT64, Teredo, ISATAP). It is then at least as closed as the address that it carries.
#[must_use]
pub fn classify(ip: IpAddr) -> AddressClass {
    match ip.to_canonical() {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => classify_v6(ip),
    }
}

fn classify_v4(ip: Ipv4Addr) -> AddressClass {
    let [a, b, c, _] = ip.octets();
    if METADATA_V4.contains(&ip) {
        return Forbidden;
    }
    match (a, b, c) {
        (127, ..) => Loopback,
        // "This network", link-local, multicast, broadcast.
        (0 | 224..=239, ..) | (169, 254, _) => Forbidden,
        _ if ip.is_broadcast() => Forbidden,
        (10 | 240..=255, ..)
        | (100, 64..=127, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Private,
        _ => Public,
    }
}

fn classify_v6(ip: Ipv6Addr) -> AddressClass {
    if ip == Ipv6Addr::LOCALHOST {
        return Loopback;
    }
    let own = own_class_v6(ip);
    // No honest client reaches this machine through an embedded loopback address.
    let carried = embedded(ip).map(|v4| match classify_v4(v4) {
        Loopback => Forbidden,
        class => class,
    });
    carried.fold(own, AddressClass::max)
}

fn own_class_v6(ip: Ipv6Addr) -> AddressClass {
    if METADATA_V6.contains(&ip) {
        return Forbidden;
    }
    match ip.segments() {
        // The services of AWS: metadata, pod identity, time, names.
        // NAT64 for local use (RFC 8215), whose layout is unknown here. IPv4-compatible with the
        // unspecified address, and IPv4-translated. Link-local. Multicast.
        [0xfd00, 0xec2, ..]
        | [0x64, 0xff9b, 1, ..]
        | [0, 0, 0, 0, 0 | 0xffff, 0, _, _]
        | [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Forbidden,
        // Benchmarking, ORCHID (two generations), documentation (two ranges).
        [0x2001, 2, 0, ..] | [0x2001, 0x10..=0x2f | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Private,
        // Global unicast. The well-known NAT64 prefix is as public as the address that it carries.
        [0x2000..=0x3fff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Public,
        // Unique local, site-local, and everything that is not assigned to global unicast yet.
        _ => Private,
    }
}

/// Every IPv4 address that `ip` may stand for.
pub(crate) fn embedded(ip: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let o = ip.octets();
    let at = |i: usize| Ipv4Addr::new(o[i], o[i + 1], o[i + 2], o[i + 3]);
    let (first, second) = match ip.segments() {
        // 6to4 (RFC 3056).
        [0x2002, ..] => (Some(at(2)), None),
        // Teredo (RFC 4380): its server, and its client with all bits inverted.
        [0x2001, 0, ..] => (Some(at(4)), Some(Ipv4Addr::from(!u32::from(at(12))))),
        // NAT64 (RFC 6052), the well-known prefix; ISATAP (RFC 5214), in any prefix.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => {
            (Some(at(12)), None)
        }
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (class, addresses) in [
            (
                Public,
                "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 \
                 198.17.0.1 198.20.0.1 223.255.255.255 2606:4700::1111 2001:4860:4860::8888 \
                 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8 2a00::5efe:808:808",
            ),
            (
                Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 \
                 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 240.0.0.1 \
                 255.255.255.254 192.88.99.1 fc00::1 fd12::1 fec0::1 2001:db8::1 3fff::1 100::1 \
                 2001:2::1 2001:10::1 2001:20::1 5f00::1 2002:a00:1::1 \
                 64:ff9b::10.0.0.1 ::ffff:192.168.0.1 4000::1",
            ),
            (
                Loopback,
                "127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1 ::ffff:7f01:203",
            ),
            (
                Forbidden,
                "0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 224.0.0.1 239.255.255.255 \
                 255.255.255.255 100.100.100.200 192.0.0.192 168.63.129.16 :: ::2 ::127.0.0.1 \
                 ::8.8.8.8 fe80::1 febf::1 ff02::1 fd00:ec2::254 fd00:ec2::23 fd00:ec2:1::1 \
                 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42 fd00:a9fe:a9fe::1 fd00:100::100:200 2002:7f00:1::1 \
                 2002:a9fe:a9fe::1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 \
                 64:ff9b:1::808:808 64:ff9b:1:7f00:0:100:: 64:ff9b:1::a9fe:a9fe ::ffff:169.254.169.254 \
                 ::ffff:0:1.2.3.4 2001:0:7f00:1::1 2001:0:808:808::80ff:fffe \
                 2a00::5efe:7f00:1 2a00::200:5efe:a9fe:a9fe",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(classify(address.parse().unwrap()), class, "{address}");
            }
        }
    }
}

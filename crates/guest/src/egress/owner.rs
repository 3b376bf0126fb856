//! Finds the owner of a connection to the proxy port. The kernel shows the socket at the other end and the
//! processes that hold it. The guest never asks a process about itself.

use std::{collections::BTreeSet, fmt::Write as _, fs, net::SocketAddr, path::Path};

use crate::{processes::tree, user::rights::with_rights_of_user};

/// The kernel's lists of TCP sockets. A client may use an IPv6 socket for an IPv4 address.
const LISTS: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// State of a connecting socket in these lists. Its address may have belonged to another socket before.
const CONNECTING: &str = "02";

/// Whether the client at `peer` is the program `main` or was started by it. A client that has closed the
/// connection or hides its descriptors does not count.
pub(crate) fn belongs_to(peer: SocketAddr, main: i32) -> bool {
    let (Some(socket), Ok(processes)) = (socket_at(peer), tree::list()) else {
        return false;
    };
    let own = tree::belonging_to(main, &processes, &BTreeSet::new(), false);
    with_rights_of_user(|| own.iter().any(|pid| holds(*pid, &socket)))
}

/// Returns the name of the socket at `peer`, as descriptors show it.
fn socket_at(peer: SocketAddr) -> Option<String> {
    let SocketAddr::V4(peer) = peer else {
        return None;
    };
    let mut address = String::new();
    for byte in peer.ip().octets().iter().rev() {
        // Writing to a string does not fail.
        let _ = write!(address, "{byte:02X}");
    }
    let _ = write!(address, ":{:04X}", peer.port());
    for list in LISTS {
        // A kernel without IPv6 has no list for it.
        let Ok(list) = fs::read_to_string(list) else {
            continue;
        };
        if let Some(inode) = inode_of(&list, &address) {
            return Some(format!("socket:[{inode}]"));
        }
    }
    None
}

/// Returns the inode in the line whose local address ends in `address`, see proc(5).
fn inode_of<'a>(list: &'a str, address: &str) -> Option<&'a str> {
    let line = list.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next()?;
        (local.ends_with(address) && fields.nth(1)? != CONNECTING).then_some(fields)
    });
    // Zero means that no process holds the socket any more.
    line?.nth(5).filter(|inode| *inode != "0")
}

fn holds(pid: i32, socket: &str) -> bool {
    // The process may end meanwhile.
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target == Path::new(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1FB6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
   1: 0100007F:1FB6 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 12 1
   2: 0100007F:D2F0 0100007F:1FB6 01 00000000:00000000 00:00000000 00000000   100        0 13 1
   3: 0200007F:D2F1 0100007F:1FB6 04 00000000:00000000 00:00000000 00000000   100        0 0 1
   4: 0100007F:D2F3 0100007F:1FB6 02 00000001:00000000 01:00000000 00000000   100        0 15 1";

    #[test]
    fn sockets_are_found_by_their_own_address() {
        assert_eq!(inode_of(LIST, "0100007F:D2F0"), Some("13"));
        assert_eq!(inode_of(LIST, "0100007F:D2F1"), None);
        assert_eq!(inode_of(LIST, "0200007F:D2F1"), None, "nobody holds it");
        assert_eq!(inode_of(LIST, "0100007F:D2F3"), None, "not connected");
        let mapped = "   4: 0000000000000000FFFF00000100007F:D2F2 0000000000000000FFFF00000100007F:1FB6 01 0:0 00:0 0 100 0 14 1";
        assert_eq!(inode_of(mapped, "0100007F:D2F2"), Some("14"));
    }
}

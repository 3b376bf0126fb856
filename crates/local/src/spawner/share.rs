//! A share of the users: no other spawner on this machine has it. The lock is a socket with an abstract name, which
//! ends with its process and leaves nothing behind.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
};

use isol8_backend::BackendError;

use crate::users::{Users, unavailable};

/// A share, as long as it lives.
pub(super) struct Share {
    /// The first user, as the spawner sees it.
    pub(super) first: u32,
    /// How many users.
    pub(super) count: u32,
    _lock: UnixListener,
}

impl Share {
    /// Takes a share that nobody has.
    pub(super) fn take(users: &Users) -> Result<Self, BackendError> {
        let owner = rustix::process::geteuid().as_raw();
        for number in 0..users.shares() {
            let name = format!("isol8-users-{owner}-{number}");
            let lock = SocketAddr::from_abstract_name(name)
                .and_then(|address| UnixListener::bind_addr(&address));
            match lock {
                Ok(lock) => {
                    let (first, count) = users.share(number);
                    return Ok(Self {
                        first,
                        count,
                        _lock: lock,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    return Err(unavailable(format!("no users can be set aside: {error}")));
                }
            }
        }
        Err(unavailable(
            "other processes use all subordinate ids. A larger range in /etc/subuid and /etc/subgid allows more.",
        ))
    }
}

//! Network namespaces with loopback as their only interface.
//!
//! A spawner that is root is in the one that the next sandbox gets, so that it is made while nobody waits. Another one
//! could not return to the host's network from there. So its sandboxes make theirs.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    sched::{CloneFlags, setns, unshare},
    sys::{
        socket::{AddressFamily, SockFlag, SockType, socket},
        stat::Mode,
    },
};

use super::{
    failure::{Failure, Trying},
    kernel_files::try_write,
};

/// The network namespace of this process.
const OWN: &str = "/proc/thread-self/ns/net";

/// What every network of a sandbox's own has, below `/proc/sys/net`. The reasons are those of the Docker backend.
const SETTINGS: [(&str, &str); 4] = [
    ("ipv4/tcp_max_tw_buckets", "0"),
    ("ipv4/tcp_rmem", "4096 65536 131072"),
    ("ipv4/tcp_wmem", "4096 65536 131072"),
    ("ipv6/conf/all/disable_ipv6", "1"),
];

/// The networks of sandboxes.
pub(crate) struct Networks {
    host: OwnedFd,
    ahead: bool,
    /// Whether the spawner is in a network that no sandbox has had.
    fresh: bool,
}

impl Networks {
    /// With `ahead`, the spawner makes the network of the next sandbox.
    pub(crate) fn new(ahead: bool) -> Result<Self, Failure> {
        let host = open(OWN, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        Ok(Self {
            host: host.trying("open the host's network namespace")?,
            ahead,
            fresh: false,
        })
    }

    /// Makes the network of the next sandbox, unless that is done.
    pub(crate) fn make_next(&mut self) -> Result<(), Failure> {
        if self.ahead && !self.fresh {
            make()?;
            self.fresh = true;
        }
        Ok(())
    }

    /// Notes that a sandbox has the network that the spawner is in.
    pub(crate) fn given(&mut self) {
        self.fresh = false;
    }

    /// Gives the calling process, a sandbox's first, its network.
    pub(crate) fn enter(&self, of_host: bool) -> Result<(), Failure> {
        match (of_host, self.ahead) {
            // The spawner has not left the one, or is in the other.
            (true, false) | (false, true) => Ok(()),
            (true, true) => setns(&self.host, CloneFlags::CLONE_NEWNET)
                .trying("enter the host's network namespace"),
            (false, false) => make(),
        }
    }
}

/// Leaves the network for a new one.
fn make() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET).trying("make a network namespace")?;
    for (name, value) in SETTINGS {
        let path = format!("/proc/sys/net/{name}");
        match try_write(Path::new(&path), value) {
            // A system without IPv6.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            written => written.trying(format_args!("set {path}"))?,
        }
    }
    // After the settings: the interface never gets an address of IPv6 that would have to be taken away again.
    start_loopback().trying("start the loopback interface")
}

fn start_loopback() -> Result<(), Errno> {
    let any = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: all zero is a valid value of this plain structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
    // SAFETY: the request is valid for the call.
    let done = unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(done).map(drop)
}

//! The two namespaces and the cable.

use std::fs::File;
use std::io;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// The near namespace's own address on the cable.
pub const NEAR_V4: &str = "198.51.100.1";
/// The same for IPv6.
pub const NEAR_V6: &str = "2001:db8:1::1";

const FAR_V4: &str = "198.51.100.2";
const FAR_V6: &str = "2001:db8:1::2";

/// Hardware addresses that both ends know, so that neither sends a packet to ask for them. Tests
/// count packets.
const NEAR_LINK: &str = "02:00:00:00:00:01";
const FAR_LINK: &str = "02:00:00:00:00:02";

/// The network as seen from the near namespace.
#[derive(Debug)]
pub struct Network {
    far: File,
}

impl Network {
    /// Makes the far namespace with `addresses` and connects this one to it. Call it once, in a
    /// program that [`run_inside`](crate::run_inside) has started. Fails where `ip` does, with its words.
    pub fn connect(addresses: &[&str]) -> io::Result<Self> {
        ip("link set lo up")?;
        let far = thread::scope(|scope| {
            let made = scope.spawn(|| make_far(addresses));
            made.join()
                .map_err(|_| io::Error::other("a thread has failed"))?
        })?;
        ip(&format!("address add {NEAR_V4}/24 dev near0"))?;
        ip(&format!("address add {NEAR_V6}/64 dev near0 nodad"))?;
        ip(&format!(
            "link set near0 address {NEAR_LINK} addrgenmode none up"
        ))?;
        for via in [FAR_V4, FAR_V6] {
            ip(&format!(
                "neighbour replace {via} lladdr {FAR_LINK} dev near0 nud permanent"
            ))?;
            ip(&format!("route add default via {via}"))?;
        }
        Ok(Self { far })
    }

    /// Runs `action` in the far namespace. Sockets that it makes stay there. Fails where the namespace
    /// cannot be entered, or where `action` panics.
    pub fn far<T: Send>(&self, action: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            let ran = scope.spawn(|| {
                setns(&self.far, CloneFlags::CLONE_NEWNET)?;
                Ok(action())
            });
            ran.join()
                .map_err(|_| io::Error::other("an action in the far namespace has failed"))?
        })
    }
}

/// Runs in a thread of its own, which alone moves to the new namespace.
fn make_far(addresses: &[&str]) -> io::Result<File> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let namespace = File::open("/proc/thread-self/ns/net")?;
    let near = std::process::id();
    ip(&format!(
        "link add far0 address {FAR_LINK} type veth peer name near0 netns {near}"
    ))?;
    ip("link set lo up")?;
    for address in addresses {
        let prefix = if address.contains(':') {
            "128 nodad"
        } else {
            "32"
        };
        ip(&format!("address add {address}/{prefix} dev lo"))?;
    }
    ip(&format!("address add {FAR_V4}/24 dev far0"))?;
    ip(&format!("address add {FAR_V6}/64 dev far0 nodad"))?;
    ip("link set far0 addrgenmode none up")?;
    for near in [NEAR_V4, NEAR_V6] {
        ip(&format!(
            "neighbour replace {near} lladdr {NEAR_LINK} dev far0 nud permanent"
        ))?;
    }
    Ok(namespace)
}

fn ip(arguments: &str) -> io::Result<()> {
    let output = Command::new("ip")
        .args(arguments.split_ascii_whitespace())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {arguments}: {reason}")))
}

//! Sockets that outlive their programs. The kernel lists a closed connection for a minute, with addresses and
//! ports (`TIME_WAIT`). The next program could read them. The container asks the kernel to keep none, and
//! this module checks that.
//!
//! The module also limits how many sockets there are. Control groups of version 1 do not count the memory of
//! most kinds of sockets.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    time::Duration,
};

use isol8_protocol::MAX_EGRESS_STREAMS;
use tokio::time::{Instant, sleep};

/// Counts of the sockets of one network namespace, see `proc_net(5)`. Reading them is cheap. For the lists the
/// kernel walks a table of the whole machine.
const COUNTS: [&str; 2] = ["/proc/self/net/sockstat", "/proc/self/net/sockstat6"];

/// Sockets that any sandbox may have: twice what the proxy's port can serve at once.
const LEAST_MOST: u64 = 2 * MAX_EGRESS_STREAMS as u64;

/// For how much of the memory limit there may be one socket, in bytes. A connection within the sandbox has
/// two, and holds at most 0.55 MiB (measured with the buffer sizes that the container has).
const BYTES_PER_SOCKET: u64 = 256 * 1024;

/// The interfaces of a network namespace.
const INTERFACES: &str = "/proc/self/net/dev";

/// How long connections between killed programs may take to end.
const END_DEADLINE: Duration = Duration::from_millis(500);

/// Time between two checks of that.
const END_INTERVAL: Duration = Duration::from_millis(2);

/// Room for the longest of the counts, in bytes.
const COUNTS_BYTES: usize = 4096;

/// The sandbox's sockets.
pub(crate) struct Sockets {
    /// The counts, kept open, if the network belongs to this sandbox only. The host's network has other sockets.
    /// A kernel without counts has no lists for programs to read, either.
    counts: Vec<File>,
    /// Whether the network belongs to this sandbox only.
    are_own: bool,
    /// How many there may be.
    most: u64,
}

impl Sockets {
    /// Opens what there is, in a sandbox with this limit of memory.
    pub(crate) fn open(memory_limit: Option<u64>) -> Self {
        let are_own = fs::read_to_string(INTERFACES).is_ok_and(|text| is_loopback_only(&text));
        let counts = COUNTS.iter().filter_map(|path| File::open(path).ok());
        let counts: Vec<_> = counts.filter(|_| are_own).collect();
        for counts in &counts {
            // The kernel makes its buffer at the first read. Later there may be no memory for one.
            read(counts);
        }
        Self {
            counts,
            are_own,
            most: memory_limit.map_or(u64::MAX, |limit| LEAST_MOST.max(limit / BYTES_PER_SOCKET)),
        }
    }

    /// Whether there are more sockets than the sandbox may have.
    pub(crate) fn are_too_many(&self) -> bool {
        let counts = self.counts.first().map(read);
        let used = counts.as_deref().and_then(used);
        used.is_some_and(|used| used > self.most)
    }

    /// Whether no other sandbox can reach a socket that a program of this one still has open.
    pub(crate) fn are_own(&self) -> bool {
        self.are_own
    }

    /// Waits, for a short time, until no socket of the internet protocols is left. Returns whether none is left.
    /// Call it when all programs have been killed and the guest has no socket of its own.
    pub(crate) async fn ended(&self) -> bool {
        let deadline = Instant::now() + END_DEADLINE;
        loop {
            if self.counts.iter().all(is_zero) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(END_INTERVAL).await;
        }
    }
}

/// Whether the count is zero now. A count that cannot be read is not zero.
fn is_zero(counts: &File) -> bool {
    let counts = read(counts);
    !counts.is_empty() && count(&counts) == 0
}

/// The counts as they are now; empty when they cannot be read.
fn read(counts: &File) -> String {
    let mut buffer = [0; COUNTS_BYTES];
    // A read from the beginning makes the kernel count again.
    let length = counts.read_at(&mut buffer, 0).unwrap_or_default();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// How many sockets of all kinds there are.
fn used(counts: &str) -> Option<u64> {
    let line = counts.lines().next()?;
    line.strip_prefix("sockets: used ")?.trim().parse().ok()
}

/// Whether a list of interfaces, below its two lines of heading, has `lo` only.
fn is_loopback_only(interfaces: &str) -> bool {
    let mut names = interfaces.lines().skip(2);
    names.all(|line| line.trim_start().starts_with("lo:"))
}

/// Returns the number of sockets in use and in `TIME_WAIT`. The lines are `TCP: inuse 0 orphan 0 tw 0 …`. The
/// first line, `sockets: used 1`, also counts other kinds. Orphans are those of the whole machine.
fn count(counts: &str) -> u64 {
    let count = |line: &str| -> u64 {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let pairs = words.windows(2);
        let counted = pairs.filter(|pair| ["inuse", "tw"].contains(&pair[0]));
        counted
            .map(|pair| pair[1].parse::<u64>().unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add)
    };
    counts.lines().map(count).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_in_use_and_closed_ones_count() {
        let text =
            "sockets: used 3\nTCP: inuse 1 orphan 9 tw 3 alloc 2 mem 88\nUDP: inuse 2 mem 0\n";
        assert_eq!(count(text), 6);
        assert_eq!(used(text), Some(3));
        assert_eq!(used("TCP6: inuse 0\n"), None);
        assert_eq!(
            count("sockets: used 3\nTCP: inuse 0 orphan 9 tw 0 alloc 2\n"),
            0
        );
        assert_eq!(count("TCP6: inuse ?\n"), u64::MAX);
    }

    #[test]
    fn a_network_of_its_own_has_loopback_only() {
        let heading = "Inter-|   Receive\n face |bytes\n";
        assert!(is_loopback_only(&format!("{heading}    lo:       0 0\n")));
        assert!(!is_loopback_only(&format!(
            "{heading}    lo: 0\n  eth0: 0\n"
        )));
    }
}

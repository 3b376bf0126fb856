//! Sockets that outlive their programs. A connection that was closed is listed with its addresses and
//! ports for a minute (`TIME_WAIT`), for the next program to read; the container asks the system to
//! keep none, and this checks that none are kept.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// Counts of the sockets of one network namespace, see `proc_net(5)`. Reading them costs nothing, unlike
/// the lists, for which the kernel walks a table of the whole machine.
const COUNTS: [&str; 2] = ["/proc/self/net/sockstat", "/proc/self/net/sockstat6"];

/// The interfaces of a network namespace.
const INTERFACES: &str = "/proc/self/net/dev";

/// How long the last words between killed programs may take.
const END_DEADLINE: Duration = Duration::from_millis(500);

/// Between two looks at them.
const END_INTERVAL: Duration = Duration::from_millis(2);

/// Room for the longest of the counts, in bytes.
const COUNTS_BYTES: usize = 4096;

/// The sandbox's sockets.
pub(crate) struct Sockets {
    /// The counts, kept open, where the network is the sandbox's alone. The host's has sockets that are
    /// none of our business, and a system that does not count has nothing to read for programs, either.
    counts: Vec<File>,
    /// Whether the network is the sandbox's alone.
    are_own: bool,
}

impl Sockets {
    pub(crate) fn open() -> Self {
        let are_own = fs::read_to_string(INTERFACES).is_ok_and(|text| is_loopback_only(&text));
        let counts = COUNTS.iter().filter_map(|path| File::open(path).ok());
        Self {
            counts: counts.filter(|_| are_own).collect(),
            are_own,
        }
    }

    /// Whether no other sandbox can meet what a program of this one still has open.
    pub(crate) fn are_own(&self) -> bool {
        self.are_own
    }

    /// Waits, not for long, until there is no socket of the internet protocols any more; whether that is
    /// so. To be asked when all programs have been killed and the guest has none of its own.
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

/// Whether nothing is counted now. What cannot be read may be anything.
fn is_zero(counts: &File) -> bool {
    let mut buffer = [0; COUNTS_BYTES];
    // From their beginning they are counted anew.
    let read = counts.read_at(&mut buffer, 0);
    let text = read.map(|length| std::str::from_utf8(&buffer[..length]));
    matches!(text, Ok(Ok(text)) if count(text) == 0)
}

/// Whether a list of interfaces, under its two lines of heading, has none but `lo`.
fn is_loopback_only(interfaces: &str) -> bool {
    let mut names = interfaces.lines().skip(2);
    names.all(|line| line.trim_start().starts_with("lo:"))
}

/// The sockets in use and those in `TIME_WAIT`. The lines are `TCP: inuse 0 orphan 0 tw 0 …`; the first
/// one, `sockets: used 1`, counts those of other kinds, too, and the orphans are the whole machine's.
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

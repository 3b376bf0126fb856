//! The memory limit of a sandbox without a control group for it. The guest looks at the memory in use and kills the
//! largest process when that is too much.
//!
//! It is weaker than a control group: a program can use more between two looks. Memory that processes share after a
//! fork counts once for each. Other shared memory is in segments of System V and in files: programs get no other, see
//! `spawner/filters.rs`.

use std::{convert::Infallible, fs, time::Duration};

use isol8_protocol::{MEMORY_ARGUMENT, WRITABLE_DIRS};
use nix::sys::{signal::Signal, statvfs::statvfs};
use tokio::time::sleep;

use crate::processes::{kill, tree};

/// The segments of shared memory of System V in this sandbox.
const SEGMENTS: &str = "/proc/sysvipc/shm";

/// What the kernel keeps of a file in memory whatever it has in it: an inode of a tmpfs and a name, rounded up.
const FILE_BYTES: u64 = 1024;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// The limit in bytes that the host has written among the guest's arguments.
pub(crate) fn limit(mut arguments: impl Iterator<Item = String>) -> Option<u64> {
    arguments.find_map(|word| word.strip_prefix(MEMORY_ARGUMENT)?.parse().ok())
}

/// Keeps the limit. Does nothing without one.
pub(crate) async fn keep(limit: Option<u64>) -> Infallible {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    loop {
        sleep(INTERVAL).await;
        if let Some(largest) = largest_beyond(limit) {
            kill::send(largest, Signal::SIGKILL);
        }
    }
}

/// The process with the most memory, if all of them and the files in memory have more than `limit`.
fn largest_beyond(limit: u64) -> Option<i32> {
    let processes = tree::list().ok()?;
    // An idle sandbox has none.
    let sizes = processes.iter().filter_map(|process| {
        let status = fs::read(format!("/proc/{}/status", process.pid)).ok()?;
        Some((own_memory(&status), process.pid))
    });
    let sizes: Vec<_> = sizes.collect();
    let (_, largest) = *sizes.iter().max()?;
    let in_processes: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
    let in_files: u64 = WRITABLE_DIRS.iter().filter_map(|place| files(place)).sum();
    let in_segments = fs::read_to_string(SEGMENTS).map_or(0, |text| segments(&text));
    let all = in_processes.saturating_add(in_files);
    (all.saturating_add(in_segments) > limit).then_some(largest)
}

/// Bytes that the segments of System V take, in the list of them. See `proc_sysvipc(5)`.
fn segments(list: &str) -> u64 {
    let mut lines = list.lines();
    let head = lines.next().unwrap_or_default();
    let columns = ["rss", "swap"];
    let columns = columns.map(|name| head.split_whitespace().position(|column| column == name));
    let bytes = lines.flat_map(|line| {
        let columns = columns.iter().flatten();
        columns.filter_map(|column| line.split_whitespace().nth(*column)?.parse::<u64>().ok())
    });
    bytes.fold(0, u64::saturating_add)
}

/// Memory that a process has for itself and its page tables, in bytes, in its status. See `proc_pid_status(5)`. Whoever
/// gave the process its name chose the bytes of that line.
fn own_memory(status: &[u8]) -> u64 {
    const COUNTED: [&str; 3] = ["RssAnon:", "VmPTE:", "VmSwap:"];
    let sizes = status.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let rest = COUNTED.iter().find_map(|name| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    });
    sizes.fold(0, u64::saturating_add).saturating_mul(1024)
}

/// Bytes that the files in a writable place take, with what the kernel keeps of each.
fn files(place: &str) -> Option<u64> {
    let found = statvfs(place).ok()?;
    let blocks = found.blocks().saturating_sub(found.blocks_free());
    let files = found.files().saturating_sub(found.files_free());
    let content = blocks.saturating_mul(found.fragment_size());
    Some(content.saturating_add(files.saturating_mul(FILE_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_found_among_the_arguments() {
        let words = |words: &[&str]| limit(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(words(&["strict", "memory=1048576"]), Some(1_048_576));
        assert_eq!(words(&["strict"]), None);
        assert_eq!(words(&["memory=much"]), None);
    }

    #[test]
    fn segments_count_by_what_is_in_memory() {
        let list = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid \
                    atime      dtime      ctime                   rss                  swap\n\
                    0          0  1600   99999  7 7 1 100 101 100 101 1 0 1 8192 4096\n\
                    0          1  1600   99999  7 7 1 100 101 100 101 1 0 1 4096 0\n";
        assert_eq!(segments(list), 16_384);
        assert_eq!(segments(""), 0);
    }

    #[test]
    fn memory_and_page_tables_of_a_process_count() {
        let status =
            b"Name:\tx\\nRssAnon:\xff\nVmLib:\t    1234 kB\nRssAnon:\t    8 kB\nRssFile:\t 9 kB\n\
            VmPTE:\t    2048 kB\nVmSwap:\t 4 kB\n";
        assert_eq!(own_memory(status), (2 << 20) + (12 << 10));
        assert_eq!(own_memory(b"Name:\tkthreadd\n"), 0);
        let held = vec![1_u8; 8 << 20];
        let own = own_memory(&fs::read("/proc/self/status").unwrap());
        assert!(own > held.len() as u64, "{own}");
    }
}

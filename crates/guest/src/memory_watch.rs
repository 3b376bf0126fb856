//! The memory limit of a sandbox without a control group for it. The guest looks at the memory in use and kills the
//! largest process when that is too much.
//!
//! It is weaker than a control group: a program can use more between two looks. Memory that processes share after a
//! fork counts once for each. Other shared memory is in segments of System V and in files: programs get no other, see
//! `spawner/filters.rs`.

use std::{convert::Infallible, fs, time::Duration};

use isol8_protocol::{MEMORY_ARGUMENT, WRITABLE_DIRS};
use nix::{
    sys::{signal::Signal, statvfs::statvfs},
    unistd::{SysconfVar, sysconf},
};
use tokio::time::sleep;

use crate::{kill, tree, usage::read_small};

/// The segments of shared memory of System V in this sandbox.
const SEGMENTS: &str = "/proc/sysvipc/shm";

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
        let bytes = private_memory(process.pid)?;
        let tables = fs::read_to_string(format!("/proc/{}/status", process.pid));
        let tables = tables.map_or(0, |status| page_tables(&status));
        Some((bytes.saturating_add(tables), process.pid))
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

/// Memory that a process has for itself, in bytes. See `proc_pid_statm(5)`.
fn private_memory(pid: i32) -> Option<u64> {
    let statm = read_small(&format!("/proc/{pid}/statm")).ok()?;
    let mut pages = std::str::from_utf8(&statm).ok()?.split(' ').skip(1);
    let mut next = || pages.next()?.trim().parse::<u64>().ok();
    let (resident, shared) = (next()?, next()?);
    let page = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    Some(resident.saturating_sub(shared).saturating_mul(page))
}

/// Bytes of the page tables of a process, in its status. See `proc_pid_status(5)`.
fn page_tables(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default().saturating_mul(1024)
}

/// Bytes that the files in a writable place take.
fn files(place: &str) -> Option<u64> {
    let found = statvfs(place).ok()?;
    let blocks = found.blocks().saturating_sub(found.blocks_free());
    Some(blocks.saturating_mul(found.fragment_size()))
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
    fn a_process_has_memory_of_its_own() {
        let held = vec![1_u8; 8 << 20];
        let own = private_memory(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own > held.len() as u64, "{own}");
    }
    #[test]
    fn page_tables_count() {
        let status = "Name:\tx\nVmLib:\t    1234 kB\nVmPTE:\t    2048 kB\nVmSwap:\t 0 kB\n";
        assert_eq!(page_tables(status), 2 << 20);
        assert_eq!(page_tables("Name:\tkthreadd\n"), 0);
        let own = fs::read_to_string("/proc/self/status").unwrap();
        assert!(page_tables(&own) >= 4096, "{own}");
    }
}

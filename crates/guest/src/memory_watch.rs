//! The memory limit of a sandbox without a control group for it. The guest looks at the memory in use and kills the
//! largest process when that is too much.
//!
//! It is weaker than a control group: a program can use more between two looks. Memory that processes share after a
//! fork counts once for each.

use std::{convert::Infallible, time::Duration};

use isol8_protocol::{MEMORY_ARGUMENT, WRITABLE_DIRS};
use nix::{
    sys::{signal::Signal, statvfs::statvfs},
    unistd::{SysconfVar, sysconf},
};
use tokio::time::sleep;

use crate::{kill, tree, usage::read_small};

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
        Some((bytes, process.pid))
    });
    let sizes: Vec<_> = sizes.collect();
    let (_, largest) = *sizes.iter().max()?;
    let in_processes: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
    let in_files: u64 = WRITABLE_DIRS.iter().filter_map(|place| files(place)).sum();
    (in_processes.saturating_add(in_files) > limit).then_some(largest)
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
    fn a_process_has_memory_of_its_own() {
        let held = vec![1_u8; 8 << 20];
        let own = private_memory(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own > held.len() as u64, "{own}");
    }
}

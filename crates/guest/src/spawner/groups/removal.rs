//! Removing groups: those of a sandbox that has ended, and all of a spawner that was killed.

use std::{
    fs::{self, DirEntry, File},
    path::Path,
    time::Duration,
};

use isol8_protocol::Hierarchy;
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
};

use super::processes::{PROCESSES, members};

/// How often a group is tried to be removed whose last process may still be ending, and the time between.
const REMOVALS: usize = 200;
const REMOVAL_INTERVAL: Duration = Duration::from_millis(5);

/// Removes the groups whose spawner does not live. The caller holds the lock for it.
pub(super) fn remove_abandoned(hierarchies: &[Hierarchy]) {
    let Some(first) = hierarchies.first() else {
        return;
    };
    let Ok(entries) = fs::read_dir(&first.directory) else {
        return;
    };
    // Beside the groups there are a dozen files of the kernel.
    let is_group = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    for entry in entries.filter_map(Result::ok).filter(is_group) {
        let is_free = File::open(entry.path()).is_ok_and(|group| group.try_lock().is_ok());
        if is_free {
            for hierarchy in hierarchies {
                remove_tree(&Path::new(&hierarchy.directory).join(entry.file_name()));
            }
        }
    }
}

fn remove_tree(own: &Path) {
    let entries = fs::read_dir(own).into_iter().flatten();
    for group in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if group.is_dir() {
            kill_all(&group);
            remove_group(&group);
        }
    }
    remove_group(own);
}

/// Kills what is left in a group of a spawner that has been killed.
fn kill_all(group: &Path) {
    let processes = fs::read_to_string(group.join(PROCESSES)).unwrap_or_default();
    for pid in members(&processes) {
        let _ = kill(pid, Signal::SIGKILL);
    }
}

/// Removes a group. Its last process may be ending.
pub(super) fn remove_group(group: &Path) {
    for _ in 0..REMOVALS {
        match fs::remove_dir(group) {
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
                std::thread::sleep(REMOVAL_INTERVAL);
            }
            _ => return,
        }
    }
}

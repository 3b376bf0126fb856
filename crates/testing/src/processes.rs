//! Processes of this machine, and the control groups of spawners, as tests of local sandboxes see them.

use std::{collections::BTreeSet, fs, path::PathBuf};

struct Process {
    pid: u32,
    parent: u32,
    name: String,
}

/// The processes that have this one as an ancestor, with their names. Those that have ended do not count.
#[must_use]
pub fn descendants(of: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut parents = vec![of];
    let all = processes();
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            found.push((process.pid, process.name.clone()));
            parents.push(process.pid);
        }
    }
    found
}

/// Whether a process lives; one that nobody has collected does not.
#[must_use]
pub fn lives(pid: u32) -> bool {
    processes().iter().any(|process| process.pid == pid)
}

/// The parent of a process that lives.
#[must_use]
pub fn parent_of(pid: u32) -> Option<u32> {
    let all = processes();
    let found = all.iter().find(|process| process.pid == pid)?;
    Some(found.parent)
}

/// The processes of this machine, without those that have ended. See `proc_pid_stat(5)`.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let found = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let (_, name) = head.split_once('(')?;
        (state != "Z" && state != "X").then(|| Process {
            pid,
            parent,
            name: name.to_owned(),
        })
    });
    found.collect()
}

/// The control groups of the spawner with this process: their directories, one for each hierarchy.
#[must_use]
pub fn groups_of(spawner: u32) -> BTreeSet<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let place = fields.next()?;
        fields.next()?.starts_with("cgroup").then_some(place)
    });
    let all = places.flat_map(|place| fs::read_dir(format!("{place}/isol8")).into_iter().flatten());
    let all = all.filter_map(|entry| Some(entry.ok()?.path()));
    let of = format!("{spawner}-");
    let is_own = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        path.is_dir() && name.to_string_lossy().starts_with(&of)
    };
    all.filter(is_own).collect()
}

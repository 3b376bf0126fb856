//! The control groups that a killed spawner has left. The next spawner removes them, too: this is for who starts none.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use isol8_backend::CleanupReport;

use crate::{Limits, groups};

/// How often something is tried that other processes keep for a moment, and the time between.
const ATTEMPTS: usize = 200;
const INTERVAL: Duration = Duration::from_millis(5);

/// Removes what spawners have left that do not live. Counts spawners. Blocks for some milliseconds, a second at most for
/// each group that cannot be removed.
pub(crate) fn remove() -> CleanupReport {
    let hierarchies = groups::find(Limits::BestEffort).unwrap_or_default();
    let directories = hierarchies.into_iter().map(|found| found.directory.into());
    remove_in(&directories.collect::<Vec<PathBuf>>())
}

/// The same in the directories of all spawners' groups, one for each hierarchy.
fn remove_in(directories: &[PathBuf]) -> CleanupReport {
    let mut report = CleanupReport::default();
    let Some(first) = directories.first() else {
        return report;
    };
    // A spawner's group is there for a moment before it is locked. Spawners keep this lock meanwhile.
    let making = match lock(first) {
        Ok(making) => making,
        Err(error) => {
            failed(&mut report, first, &error);
            return report;
        }
    };
    let entries = fs::read_dir(first).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for name in names.filter(|name| is_abandoned(directories, name)) {
        let all = directories.iter().map(|directory| directory.join(&name));
        let removed = all
            .filter(|group| group.is_dir())
            .try_for_each(|group| remove_tree(&group).map_err(|error| (group, error)));
        match removed {
            Ok(()) => report.removed += 1,
            Err((group, error)) => failed(&mut report, &group, &error),
        }
    }
    drop(making);
    report
}

fn failed(report: &mut CleanupReport, path: &Path, error: &io::Error) {
    report.failed += 1;
    report.errors.push(format!("{}: {error}", path.display()));
}

/// Locks the directory of all groups.
fn lock(directory: &Path) -> io::Result<File> {
    let opened = File::open(directory)?;
    for _ in 0..ATTEMPTS {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(INTERVAL),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("another process keeps it locked"))
}

/// Whether these are groups of a spawner that does not live: nobody has a lock on one of them, and there is no process
/// with its number and time of start.
fn is_abandoned(directories: &[PathBuf], name: &str) -> bool {
    let Some((process, start)) = spawner_of(name) else {
        return false;
    };
    if start_of(process) == Some(start) {
        return false;
    }
    let groups = directories.iter().map(|directory| directory.join(name));
    let mut there = groups.filter(|group| group.exists());
    there.all(|group| File::open(group).is_ok_and(|group| group.try_lock().is_ok()))
}

/// The number and the time of start that the name of a spawner's group has.
fn spawner_of(name: &str) -> Option<(u32, u64)> {
    let (process, start) = name.split_once('-')?;
    Some((process.parse().ok()?, u64::from_str_radix(start, 16).ok()?))
}

/// When a process was started that has not ended, in the kernel's ticks. See `proc_pid_stat(5)`.
fn start_of(process: u32) -> Option<u64> {
    /// Fields after the name of the program.
    const START: usize = 19;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    // One that has ended stays as a zombie until its parent has seen that.
    let lives = !matches!(*fields.first()?, "Z" | "X");
    lives.then(|| fields.get(START)?.parse().ok())?
}

/// Removes the groups of a spawner's sandboxes, and its own. Groups with processes stay.
fn remove_tree(own: &Path) -> io::Result<()> {
    for entry in fs::read_dir(own)? {
        let group = entry?.path();
        if group.is_dir() {
            remove_group(&group)?;
        }
    }
    remove_group(own)
}

/// Removes a group. Its last process may be ending.
fn remove_group(group: &Path) -> io::Result<()> {
    let mut removed = fs::remove_dir(group);
    for _ in 0..ATTEMPTS {
        match &removed {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(INTERVAL),
            _ => break,
        }
        removed = fs::remove_dir(group);
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_dead_go_and_those_of_the_living_stay() {
        let place = tempfile::tempdir().unwrap();
        let directories = ["memory", "pids"].map(|name| place.path().join(name));
        let own = std::process::id();
        let living = format!("{own}-{:x}", start_of(own).unwrap_or_default());
        // No process has such a number.
        let (dead, locked, locked_elsewhere) = ("4294967295-1f", "4294967295-2a", "4294967295-3b");
        for directory in &directories {
            for name in [dead, locked, locked_elsewhere, &living, "7", "of-another"] {
                fs::create_dir_all(directory.join(name).join("1")).unwrap();
            }
        }
        let locks = [(0, locked), (1, locked_elsewhere)].map(|(index, name)| {
            let group = File::open(directories[index].join(name)).unwrap();
            group.lock().unwrap();
            group
        });
        let report = remove_in(&directories);
        assert_eq!((report.removed, report.failed), (1, 0), "{report:?}");
        for directory in &directories {
            assert!(!directory.join(dead).exists());
            for name in [locked, locked_elsewhere, "7", "of-another"] {
                assert!(directory.join(name).join("1").exists(), "{name}");
            }
            if cfg!(target_os = "linux") {
                assert!(directory.join(&living).join("1").exists());
            }
        }
        drop(locks);
    }

    #[test]
    fn what_cannot_be_removed_is_named() {
        let place = tempfile::tempdir().unwrap();
        let group = place.path().join("4294967295-1f");
        fs::create_dir_all(group.join("1/2")).unwrap();
        let report = remove_in(&[place.path().to_owned()]);
        assert_eq!((report.removed, report.failed), (0, 1));
        assert!(report.errors[0].starts_with(group.to_str().unwrap()));
    }
}

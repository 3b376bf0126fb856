//! Control groups: those of the spawner, one in each hierarchy, and those of its sandboxes below.
//!
//! They outlive a spawner that is killed. So it holds a lock on its group, and the next spawner removes the groups
//! whose lock is free.

mod version_2;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use isol8_protocol::{CPU_PERIOD_MICROS, Hierarchy, SandboxPlan};
use nix::{
    errno::Errno,
    libc,
    sys::signal::{Signal, kill},
    unistd::{Pid, UnlinkatFlags, unlinkat},
};

use super::{
    failure::{Failure, Trying},
    mounting,
};

/// Where the spawner's groups are in its own root, a directory for each hierarchy.
const PLACE: &str = "/groups";

/// Where a sandbox sees its groups.
const IN_SANDBOX: &str = "sys/fs/cgroup";

/// How often a group is tried to be removed whose last process may still be ending, and the time between.
const REMOVALS: usize = 200;
const REMOVAL_INTERVAL: Duration = Duration::from_millis(5);

/// The file with the processes of a group.
const PROCESSES: &str = "cgroup.procs";

/// The file with the threads of a group of version 1. A thread that moves itself by it does not wait for the forks of
/// all processes on the machine, which takes 10 to 40 ms.
const THREADS: &str = "tasks";

/// The spawner's groups.
pub(crate) struct Groups {
    hierarchies: Vec<Hierarchy>,
    /// The groups as the host names them.
    own: Vec<PathBuf>,
    /// The directories in which they are, opened.
    parents: Vec<File>,
    name: String,
    /// The first of them, locked as long as the spawner lives.
    lock: Option<File>,
}

impl Groups {
    /// Makes the spawner's groups, and removes those of spawners that have been killed.
    pub(crate) fn make(hierarchies: Vec<Hierarchy>) -> Result<Self, Failure> {
        let name = format!("{}-{:x}", std::process::id(), start_time());
        let mut made = Self {
            hierarchies,
            own: Vec::new(),
            parents: Vec::new(),
            name,
            lock: None,
        };
        for hierarchy in &made.hierarchies {
            let directory = Path::new(&hierarchy.directory);
            make_private(directory)?;
            if let Some(parent) = directory.parent() {
                version_2::enable(hierarchy, parent)?;
            }
            version_2::enable(hierarchy, directory)?;
            let opened = File::open(directory);
            made.parents
                .push(opened.trying(format_args!("open {}", directory.display()))?);
        }
        let Some(first) = made.parents.first() else {
            return Ok(made);
        };
        // One at a time: a group is there for a moment before it is locked.
        first.lock().trying("lock the control groups")?;
        remove_abandoned(&made.hierarchies);
        for hierarchy in &made.hierarchies {
            let own = Path::new(&hierarchy.directory).join(&made.name);
            make_private(&own)?;
            version_2::enable(hierarchy, &own)?;
            made.own.push(own);
        }
        if let Some(own) = made.own.first() {
            let lock = File::open(own).trying("open a control group")?;
            lock.try_lock()
                .map_err(|_| Failure::new("the spawner's control group is locked by another"))?;
            made.lock = Some(lock);
        }
        first.unlock().trying("unlock the control groups")?;
        Ok(made)
    }

    /// Shows the spawner's groups in its root. The host's files are below `host`.
    pub(crate) fn show(&self, host: &str) -> Result<(), Failure> {
        for (index, own) in self.own.iter().enumerate() {
            let target = format!("{PLACE}/{index}");
            mounting::directory(Path::new(&target))?;
            mounting::bind(&format!("{host}{}", own.display()), &target)?;
        }
        Ok(())
    }

    /// Makes the groups of a sandbox with its limits.
    pub(crate) fn add(&self, plan: &SandboxPlan) -> Result<(), Failure> {
        for (index, hierarchy) in self.hierarchies.iter().enumerate() {
            let group = place(index, plan.number);
            mounting::directory(&group)?;
            limit(hierarchy, &group, plan)?;
        }
        Ok(())
    }

    /// Whether they limit what this controller is for.
    pub(crate) fn limit(&self, controller: &str) -> bool {
        let all = self.hierarchies.iter();
        let mut controllers = all.flat_map(|hierarchy| &hierarchy.controllers);
        controllers.any(|name| name == controller)
    }

    /// Puts the calling process, which has one thread, into the groups of a sandbox.
    pub(crate) fn join(&self, number: u64) -> Result<(), Failure> {
        for (index, hierarchy) in self.hierarchies.iter().enumerate() {
            let members = if hierarchy.version == 1 {
                THREADS
            } else {
                PROCESSES
            };
            write(&place(index, number).join(members), "0")?;
        }
        Ok(())
    }

    /// Shows a sandbox its groups below `root`, read-only.
    pub(crate) fn show_sandbox(&self, number: u64, root: &str) -> Result<(), Failure> {
        for (index, hierarchy) in self.hierarchies.iter().enumerate() {
            for place_in_sandbox in places_in_sandbox(hierarchy) {
                let target = format!("{root}/{place_in_sandbox}");
                mounting::bind(&place(index, number).to_string_lossy(), &target)?;
                mounting::restrict(
                    &target,
                    libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC,
                )?;
            }
        }
        Ok(())
    }

    /// The directories that a root needs for the groups of a sandbox.
    pub(crate) fn directories(&self) -> impl Iterator<Item = String> {
        self.hierarchies.iter().flat_map(places_in_sandbox)
    }

    /// Removes the groups of a sandbox that has ended.
    pub(crate) fn remove(&self, number: u64) {
        for index in 0..self.hierarchies.len() {
            remove_group(&place(index, number));
        }
    }

    /// Removes the spawner's groups: no sandbox is left.
    pub(crate) fn end(self) {
        for parent in &self.parents {
            // What stays is removed by the next spawner.
            let _ = unlinkat(parent, self.name.as_str(), UnlinkatFlags::RemoveDir);
        }
        drop(self.lock);
    }
}

/// Makes a group that nobody else may open, or takes the one that is there. Whoever can open one can hold its lock, for
/// which other spawners wait.
fn make_private(group: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(group);
    made.trying(format_args!("make {}", group.display()))?;
    let private = fs::set_permissions(group, fs::Permissions::from_mode(0o700));
    private.trying(format_args!("keep {} to its owner", group.display()))
}

/// A group of a sandbox, as the spawner sees it.
fn place(index: usize, number: u64) -> PathBuf {
    PathBuf::from(format!("{PLACE}/{index}/{number}"))
}

fn places_in_sandbox(hierarchy: &Hierarchy) -> Vec<String> {
    if hierarchy.version == 2 {
        return vec![IN_SANDBOX.to_owned()];
    }
    let names = hierarchy.controllers.iter();
    names.map(|name| format!("{IN_SANDBOX}/{name}")).collect()
}

/// Sets the limits of a group.
fn limit(hierarchy: &Hierarchy, group: &Path, plan: &SandboxPlan) -> Result<(), Failure> {
    let memory = plan.memory_bytes.to_string();
    let processes = plan.processes.to_string();
    let (quota, period) = (plan.cpu_quota_micros, CPU_PERIOD_MICROS);
    let set = |name: &str, value: &str| write(&group.join(name), value);
    for controller in &hierarchy.controllers {
        match (controller.as_str(), hierarchy.version) {
            ("memory", 2) => {
                set("memory.max", &memory)?;
                where_there_is(set("memory.swap.max", "0"), &group.join("memory.swap.max"))?;
            }
            ("memory", _) => {
                set("memory.limit_in_bytes", &memory)?;
                let with_swap = "memory.memsw.limit_in_bytes";
                where_there_is(set(with_swap, &memory), &group.join(with_swap))?;
            }
            ("pids", _) => set("pids.max", &processes)?,
            ("cpu", 2) => set("cpu.max", &format!("{quota} {period}"))?,
            ("cpu", _) => {
                set("cpu.cfs_period_us", &period.to_string())?;
                set("cpu.cfs_quota_us", &quota.to_string())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A system without swap has no file for it.
fn where_there_is(set: Result<(), Failure>, file: &Path) -> Result<(), Failure> {
    if file.exists() { set } else { Ok(()) }
}

fn write(path: &Path, value: &str) -> Result<(), Failure> {
    try_write(path, value).trying(format_args!("write {value} to {}", path.display()))
}

fn try_write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(value.as_bytes())
}

/// Removes the groups whose spawner does not live. The caller holds the lock for it.
fn remove_abandoned(hierarchies: &[Hierarchy]) {
    let Some(first) = hierarchies.first() else {
        return;
    };
    let Ok(entries) = fs::read_dir(&first.directory) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let is_free = File::open(entry.path()).is_ok_and(|group| group.try_lock().is_ok());
        if entry.path().is_dir() && is_free {
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

/// The processes of a list of the kernel. It shows those of other namespaces as 0, which would be our own group.
fn members(processes: &str) -> impl Iterator<Item = Pid> {
    let numbers = processes.lines().filter_map(|line| line.parse().ok());
    numbers.filter(|number| *number > 0).map(Pid::from_raw)
}

/// Removes a group. Its last process may be ending.
fn remove_group(group: &Path) {
    for _ in 0..REMOVALS {
        match fs::remove_dir(group) {
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
                std::thread::sleep(REMOVAL_INTERVAL);
            }
            _ => return,
        }
    }
}

/// When this process was started, in the kernel's ticks: with its number this names it.
fn start_time() -> u64 {
    /// Fields after the name of the program, see `proc_pid_stat(5)`.
    const START: usize = 19;
    let stat = fs::read("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    let text = String::from_utf8_lossy(after_name);
    let field = text.split_whitespace().nth(START);
    field
        .and_then(|field| field.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;

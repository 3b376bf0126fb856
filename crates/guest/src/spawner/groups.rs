//! Control groups: those of the spawner, one in each hierarchy, and those of its sandboxes below.
//!
//! They outlive a spawner that is killed. So it holds a lock on its group, and the next spawner removes the groups
//! whose lock is free.

mod limit;
mod processes;
mod removal;
mod version_2;

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use isol8_protocol::{Hierarchy, SandboxPlan};
use nix::{
    libc,
    unistd::{UnlinkatFlags, unlinkat},
};

use self::{
    limit::limit,
    processes::PROCESSES,
    removal::{remove_abandoned, remove_group},
};
use super::{
    failure::{Failure, Trying},
    kernel_files::write,
    mounting,
};

/// Where the spawner's groups are in its own root, a directory for each hierarchy.
const PLACE: &str = "/groups";

/// Where a sandbox sees its groups.
const IN_SANDBOX: &str = "sys/fs/cgroup";

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

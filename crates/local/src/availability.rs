//! What enforces what in local sandboxes on this machine.

use std::{fmt, fs};

use isol8_backend::BackendError;
use isol8_protocol::Hierarchy;

use crate::{LocalOptions, groups, users, users::Users};

/// What enforces what in local sandboxes on this machine, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Whose users sandboxes have.
    pub users: String,
    /// What limits memory.
    pub memory: String,
    /// What limits processes and threads.
    pub processes: String,
    /// What limits processor time.
    pub cpu: String,
    /// What keeps programs from files.
    pub files: String,
}

impl fmt::Display for Availability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} {} {} {}",
            self.users, self.memory, self.processes, self.cpu, self.files
        )
    }
}

/// What there is for sandboxes with these options, or what is missing.
pub(crate) fn look(options: &LocalOptions) -> Result<Availability, BackendError> {
    let users = users::find()?;
    let groups = groups::find(options.limits)?;
    Ok(describe(&users, &groups))
}

pub(crate) fn describe(users: &Users, groups: &[Hierarchy]) -> Availability {
    let limited = |what: &str, controller: &str, otherwise: &str| {
        let found = groups
            .iter()
            .find(|hierarchy| hierarchy.controllers.iter().any(|name| name == controller));
        match found {
            Some(hierarchy) => format!(
                "{what}: limited by control groups of version {} in {}.",
                hierarchy.version, hierarchy.directory
            ),
            None => format!("{what}: {otherwise}."),
        }
    };
    Availability {
        users: match users {
            Users::Root | Users::RootOfContainer => {
                "Users: each sandbox has a range of its own, from 1879048192 on.".to_owned()
            }
            Users::Subordinate(all) => format!(
                "Users: each sandbox has a range of its own among {} subordinate ids from {} on.",
                all.count, all.first.0
            ),
        },
        memory: limited(
            "Memory",
            "memory",
            "limited by the guest, which looks every 50 ms and kills the largest process",
        ),
        processes: limited(
            "Processes",
            "pids",
            "limited by the system for each user of a sandbox",
        ),
        cpu: limited("Processor time", "cpu", "not limited"),
        files: files(has_landlock(), has_overlay()),
    }
}

/// What keeps programs from files, with Landlock or without, and with overlay or without.
fn files(landlock: bool, overlay: bool) -> String {
    let mut text = if landlock {
        "Files: mounts of each sandbox's own, and Landlock as a second wall."
    } else {
        "Files: mounts of each sandbox's own. This kernel has no Landlock, which would be a second wall: it needs Linux \
         5.13 and `landlock` among its security modules."
    }
    .to_owned();
    if !overlay {
        text.push_str(
            " The file system overlay is not loaded yet. It keeps the inodes of sandboxes apart from the host's. The first \
             start loads it, and so does `sudo modprobe overlay`. Where the kernel has none, sandboxes start with `limits: \
             \"best-effort\"` alone.",
        );
    }
    text
}

/// Whether the kernel has the file system overlay, by filesystems(5).
fn has_overlay() -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    lists_overlay(&known)
}

fn lists_overlay(filesystems: &str) -> bool {
    let mut names = filesystems
        .lines()
        .filter_map(|line| line.split_whitespace().next_back());
    names.any(|name| name == "overlay")
}

/// Whether the kernel has Landlock.
#[cfg(target_os = "linux")]
fn has_landlock() -> bool {
    use landlock::{
        ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    };

    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.handle_access(AccessFs::from_all(ABI::V1));
    ruleset.and_then(Ruleset::create).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_landlock() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_the_second_wall_is_named() {
        assert!(files(true, true).contains("Landlock as a second wall"));
        assert!(files(false, true).contains("no Landlock"));
    }

    #[test]
    fn a_kernel_that_cannot_keep_inodes_apart_is_named() {
        assert!(!files(true, true).contains("overlay"));
        for part in ["modprobe overlay", "best-effort"] {
            assert!(files(true, false).contains(part));
        }
        assert!(lists_overlay("nodev\ttmpfs\n\text4\nnodev\toverlay\n"));
        assert!(!lists_overlay("nodev\ttmpfs\nnodev\toverlay2\n"));
    }
}

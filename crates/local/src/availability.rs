//! What enforces what in local sandboxes on this machine.

use std::fmt;

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
}

impl fmt::Display for Availability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} {} {}",
            self.users, self.memory, self.processes, self.cpu
        )
    }
}

/// What there is for sandboxes with these options, or what is missing.
pub(crate) fn look(options: &LocalOptions) -> Result<Availability, BackendError> {
    let users = users::find()?;
    let groups = groups::find(options.limits)?;
    Ok(describe(&users, &groups))
}

fn describe(users: &Users, groups: &[Hierarchy]) -> Availability {
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
            Users::Root => {
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
    }
}

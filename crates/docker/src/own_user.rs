//! Users of which each belongs to one sandbox. What the kernel counts by user is then counted by sandbox.
//!
//! All processes that use a daemon must agree on who has which user, and the daemon is all that they share. So a
//! container is named after its user: the daemon gives a name once, and again when the container is gone.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use bollard::errors::Error as DockerError;

/// The ids where every id is there. They are beyond those of accounts and of what `/etc/subuid` begins with, and an
/// archive of the oldest format can name them.
const OF_A_WHOLE_MACHINE: Range<u32> = 2_000_000..2_065_536;

/// The ids where a sandbox has 65,536: with `userns-remap`, in rootless Docker and in containers of the same kind.
const OF_A_PART: Range<u32> = 40_000..60_000;

/// Begins the name of a container, before its user's id.
const NAME: &str = "isol8-user-";

/// How many users are tried. Most are free.
pub(crate) const ATTEMPTS: usize = 64;

/// The ids from which a daemon's sandboxes have their users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Users(Range<u32>);

impl Users {
    /// The ids of a daemon that reports these security options. A daemon beside this process has no more ids than
    /// this process.
    pub(crate) fn of_daemon(security_options: &[String], is_on_this_machine: bool) -> Self {
        let names = ["name=userns", "name=rootless"];
        let is_named = |option: &String| names.iter().any(|name| option.starts_with(name));
        let is_part =
            security_options.iter().any(is_named) || is_on_this_machine && !is_whole_here();
        Self(if is_part {
            OF_A_PART
        } else {
            OF_A_WHOLE_MACHINE
        })
    }

    /// An id of which nobody can tell whether it is free.
    pub(crate) fn any(&self) -> u32 {
        let number = RandomState::new().hash_one(()) % u64::from(self.0.end - self.0.start);
        self.0.start + u32::try_from(number).unwrap_or_default()
    }
}

/// The name that a container takes its user with.
pub(crate) fn container_name(user: u32) -> String {
    format!("{NAME}{user}")
}

/// Whether another container has this name.
pub(crate) fn is_taken(error: &DockerError) -> bool {
    matches!(
        error,
        DockerError::DockerResponseServerError { status_code: 409, message } if message.contains(NAME)
    )
}

/// Whether this process has all ids, as far as it can see.
fn is_whole_here() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map");
    map.is_ok_and(|map| has_whole_machine(&map))
}

/// Whether the text of `/proc/self/uid_map` has all of [`OF_A_WHOLE_MACHINE`]. See `user_namespaces(7)`.
fn has_whole_machine(map: &str) -> bool {
    map.lines().any(|line| {
        let fields: Vec<u64> = line.split_ascii_whitespace().flat_map(str::parse).collect();
        let [first, _, count] = fields[..] else {
            return false;
        };
        first <= OF_A_WHOLE_MACHINE.start.into()
            && u64::from(OF_A_WHOLE_MACHINE.end) <= first + count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_among_the_ids_of_the_daemon() {
        let part = Users(OF_A_PART);
        for options in ["name=userns", "name=rootless"] {
            let options = [
                "name=seccomp,profile=default".to_owned(),
                options.to_owned(),
            ];
            assert_eq!(Users::of_daemon(&options, false), part);
        }
        let whole = Users::of_daemon(&["name=seccomp,profile=default".to_owned()], false);
        assert_eq!(whole, Users(OF_A_WHOLE_MACHINE));
        for _ in 0..100 {
            assert!(OF_A_WHOLE_MACHINE.contains(&whole.any()));
            assert!(OF_A_PART.contains(&part.any()));
        }
        assert!(has_whole_machine("         0          0 4294967295\n"));
        assert!(!has_whole_machine("         0     100000      65536\n"));
        assert!(!has_whole_machine(""));
    }

    #[test]
    fn a_name_that_is_taken_is_told_from_other_conflicts() {
        let conflict = |message: &str| DockerError::DockerResponseServerError {
            status_code: 409,
            message: message.to_owned(),
        };
        let taken =
            "Conflict. The container name \"/isol8-user-2000001\" is already in use by container";
        assert!(is_taken(&conflict(taken)));
        assert!(!is_taken(&conflict("removal is already in progress")));
    }
}

//! Whose users sandboxes get: as root a range of their own, otherwise the subordinate users of this user.

use std::{fs, path::PathBuf};

use isol8_backend::{BackendError, BackendErrorKind};

/// The first user of sandboxes as root. From here to 2^31 nobody has users by the convention of systemd
/// (<https://systemd.io/UIDS-GIDS>).
const FIRST_AS_ROOT: u32 = 0x7000_0000;

/// Users of one spawner, and how many spawners can have theirs at the same time, as root.
const USERS_OF_A_SPAWNER: u32 = 0x1_0000;
const SPAWNERS_AS_ROOT: u32 = 4096;

/// Users of one spawner of a user that is not root. The usual 65536 are enough for eight spawners.
const SUBORDINATES_OF_A_SPAWNER: u32 = 8192;

/// Whose users sandboxes get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Users {
    /// The spawner is root, and gives its sandboxes users of this machine.
    Root,
    /// The spawner is root without rights over the system, as in a container. It gets a user namespace in which it has
    /// them. This process maps its users: itself, and those that root gives to sandboxes.
    RootOfContainer,
    /// The spawner has the subordinate users of this user.
    Subordinate(Subordinates),
}

/// The subordinate users and groups of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subordinates {
    /// The user and its group.
    pub(crate) own: (u32, u32),
    /// The first subordinate user, and group.
    pub(crate) first: (u32, u32),
    /// How many there are of both.
    pub(crate) count: u32,
    /// `newuidmap` and `newgidmap`.
    pub(crate) helpers: (PathBuf, PathBuf),
}

impl Users {
    /// How many spawners can have users at the same time.
    pub(crate) fn shares(&self) -> u32 {
        match self {
            Self::Root | Self::RootOfContainer => SPAWNERS_AS_ROOT,
            Self::Subordinate(all) => (all.count / SUBORDINATES_OF_A_SPAWNER).max(1),
        }
    }

    /// The first user of a share, as the spawner sees it, and how many users the share has.
    pub(crate) fn share(&self, number: u32) -> (u32, u32) {
        match self {
            Self::Root | Self::RootOfContainer => (
                FIRST_AS_ROOT + number * USERS_OF_A_SPAWNER,
                USERS_OF_A_SPAWNER,
            ),
            // In the spawner's namespace, root is the user itself, and 1 the first subordinate user.
            Self::Subordinate(all) => {
                let count = all.count.min(SUBORDINATES_OF_A_SPAWNER);
                (1 + number * SUBORDINATES_OF_A_SPAWNER, count)
            }
        }
    }
}

/// The error for something that an administrator has to provide.
pub(crate) fn unavailable(reason: impl std::fmt::Display) -> BackendError {
    BackendError::new(
        BackendErrorKind::Unavailable,
        format!("Local sandboxes cannot be started: {reason}"),
    )
}

/// The range of a user in the text of `/etc/subuid` or `/etc/subgid`: its first id, and how many. See subuid(5).
fn range(text: &str, name: &str, id: u32) -> Option<(u32, u32)> {
    let id = id.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let first = fields.next()?.parse().ok()?;
        let count = fields.next()?.parse().ok()?;
        (owner == name || owner == id).then_some((first, count))
    })
}

/// Finds what there is for the user of this process, or says what is missing.
#[cfg(target_os = "linux")]
pub(crate) fn find() -> Result<Users, BackendError> {
    use isol8_protocol::IDS_OF_A_SANDBOX;

    let (user, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    if user == 0 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        return Ok(if may_rule_the_system(&status) {
            Users::Root
        } else {
            Users::RootOfContainer
        });
    }
    check_system()?;
    let name = user_name(user);
    let of = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        range(&text, &name, user)
            .filter(|(_, count)| *count >= IDS_OF_A_SANDBOX)
            .ok_or_else(|| {
                unavailable(format!(
                    "the user {name} has no subordinate ids in {file}. `sudo usermod --add-subuids 100000-165535 \
                     --add-subgids 100000-165535 {name}` adds them."
                ))
            })
    };
    let (users, groups) = (of("/etc/subuid")?, of("/etc/subgid")?);
    let helper = |name: &str| {
        find_program(name).ok_or_else(|| {
            unavailable(format!(
                "the program {name} is missing. The package uidmap (shadow-utils, shadow) has it: `sudo apt-get \
                 install uidmap`."
            ))
        })
    };
    Ok(Users::Subordinate(Subordinates {
        own: (user, group),
        first: (users.0, groups.0),
        count: users.1.min(groups.1),
        helpers: (helper("newuidmap")?, helper("newgidmap")?),
    }))
}

/// The users that root without rights over the system maps: the lines of `uid_map` and `gid_map`.
pub(crate) fn map_of_container() -> String {
    let count = SPAWNERS_AS_ROOT * USERS_OF_A_SPAWNER;
    format!("0 0 1\n{FIRST_AS_ROOT} {FIRST_AS_ROOT} {count}\n")
}

/// Whether a process has `CAP_SYS_ADMIN`, by its `proc_pid_status(5)`.
#[cfg(target_os = "linux")]
fn may_rule_the_system(status: &str) -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok());
    // An unreadable file is no reason to do without them.
    capabilities.is_none_or(|capabilities| capabilities & SYS_ADMIN != 0)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn find() -> Result<Users, BackendError> {
    Err(unavailable("they need Linux. Use Docker here."))
}

/// Checks the settings that keep users from making namespaces.
#[cfg(target_os = "linux")]
fn check_system() -> Result<(), BackendError> {
    const FORBIDDING: [(&str, &str, &str); 3] = [
        (
            "/proc/sys/user/max_user_namespaces",
            "0",
            "`sudo sysctl user.max_user_namespaces=15000` allows them.",
        ),
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "0",
            "`sudo sysctl kernel.unprivileged_userns_clone=1` allows them.",
        ),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor allows them to programs that it has a profile for. See docs/design/local.md for the one that \
             allows them to this program, or run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`.",
        ),
    ];
    for (file, forbidding, remedy) in FORBIDDING {
        if fs::read_to_string(file).is_ok_and(|value| value.trim() == forbidding) {
            return Err(unavailable(format!(
                "{file} is {forbidding}, so that users cannot make user namespaces. {remedy}"
            )));
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn user_name(user: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let id = user.to_string();
    let found = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(id.as_str())).then_some(name)
    });
    found.map_or(id.clone(), str::to_owned)
}

#[cfg(target_os = "linux")]
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/bin"].map(PathBuf::from);
    let mut places = usual.into_iter().chain(std::env::split_paths(&path));
    places.find_map(|place| Some(place.join(name)).filter(|program| program.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number() {
        let text = "other:1:2\nme:100000:65536\n1001:7:9\nbroken\n";
        assert_eq!(range(text, "me", 1000), Some((100_000, 65_536)));
        assert_eq!(range(text, "you", 1001), Some((7, 9)));
        assert_eq!(range(text, "you", 1002), None);
    }

    #[test]
    fn root_of_a_container_has_no_rights_over_the_system() {
        // Those of root on a machine, and those that Docker leaves.
        assert!(may_rule_the_system("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(!may_rule_the_system(
            "Name:\tx\nCapEff:\t00000000a80425fb\n"
        ));
        assert_eq!(
            map_of_container(),
            "0 0 1\n1879048192 1879048192 268435456\n"
        );
    }

    #[test]
    fn shares_lie_next_to_each_other_within_the_range() {
        let subordinate = |count| {
            Users::Subordinate(Subordinates {
                own: (1000, 1000),
                first: (100_000, 100_000),
                count,
                helpers: (PathBuf::new(), PathBuf::new()),
            })
        };
        let usual = subordinate(65_536);
        assert_eq!(usual.shares(), 8);
        assert_eq!(usual.share(0), (1, 8192));
        assert_eq!(usual.share(7), (1 + 7 * 8192, 8192));
        let small = subordinate(200);
        assert_eq!((small.shares(), small.share(0)), (1, (1, 200)));
        let root = Users::Root;
        let (first, count) = root.share(root.shares() - 1);
        assert_eq!(first + (count - 1), 0x7fff_ffff);
    }
}

//! What is found on this machine for local sandboxes. No judgement.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use isol8_api::runtimes::RUNTIMES;
use isol8_assembly::{Availability, Place, find_interpreter};
use nix::unistd::{User, geteuid};

/// The programs that give a user's range of ids to a namespace.
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// What is found.
#[derive(Debug, Clone)]
pub(super) struct LocalFacts {
    /// What enforces what; otherwise why no local sandbox can run.
    pub(super) available: Result<Availability, String>,
    /// Name of this user; `None` for root, who needs no range of subordinate ids.
    pub(super) user: Option<String>,
    /// The programs that are missing of those that give ranges of ids to namespaces.
    pub(super) missing_helpers: Vec<&'static str>,
    /// Files that have no range for this user.
    pub(super) no_range: Vec<&'static str>,
    /// Whether `AppArmor` keeps ordinary users from making user namespaces.
    pub(super) apparmor: bool,
    /// Runtimes whose interpreter was not found, and what to do.
    pub(super) missing_runtimes: Vec<(&'static str, String)>,
}

/// Looks at this machine.
pub(super) async fn gather(place: Option<&Place>) -> LocalFacts {
    let available = match place {
        Some(place) => {
            let available = place.local_backend().availability().await;
            available.map_err(|error| error.to_string())
        }
        None => Err("no place for sandboxes".to_owned()),
    };
    let id = geteuid();
    let user = (!id.is_root()).then(|| {
        let user = User::from_uid(id).ok().flatten();
        user.map_or_else(|| id.to_string(), |user| user.name)
    });
    let has_range = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        user.as_deref()
            .is_none_or(|name| has_range(&text, name, &id.to_string()))
    };
    let missing_runtimes = place.map_or_else(Vec::new, |place| {
        let missing = |runtime| {
            let found = find_interpreter(runtime, place.local_options());
            Some((runtime, found.err()?.to_string()))
        };
        RUNTIMES.into_iter().filter_map(missing).collect()
    });
    LocalFacts {
        available,
        missing_helpers: HELPERS.into_iter().filter(|name| !in_path(name)).collect(),
        no_range: ["/etc/subuid", "/etc/subgid"]
            .into_iter()
            .filter(|file| !has_range(file))
            .collect(),
        apparmor: fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
            .is_ok_and(|text| text.trim() == "1"),
        user,
        missing_runtimes,
    }
}

/// Whether subuid(5) or subgid(5) has a range for a user, by name or by id.
fn has_range(text: &str, name: &str, id: &str) -> bool {
    text.lines().any(|line| {
        let mut fields = line.split(':');
        fields
            .next()
            .is_some_and(|owner| owner == name || owner == id)
            && fields.count() == 2
    })
}

fn in_path(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_program = |path: PathBuf| {
        Path::metadata(&path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&folders).any(|folder| is_program(folder.join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_belongs_to_a_name_or_to_an_id() {
        let text = "# none\nann:100000:65536\n1001:165536:65536\nbroken\n";
        assert!(has_range(text, "ann", "7"));
        assert!(has_range(text, "bob", "1001"));
        assert!(!has_range(text, "bob", "7"));
        assert!(!has_range(text, "broken", "7"));
    }
}

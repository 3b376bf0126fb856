//! Which control groups there are for the limits of sandboxes.

mod delegation;

use std::{fs, io, path::Path};

use isol8_backend::{BackendError, BackendErrorKind};
use isol8_protocol::{GROUP_OF_HOST, Hierarchy};

use self::delegation::is_left_to_us;
use crate::{Limits, users::unavailable};

/// The directory of all spawners' groups, in each hierarchy.
const DIRECTORY: &str = "isol8";

/// What is limited: the controller and what a limit of it is called in messages.
const CONTROLLERS: [(&str, &str); 3] = [
    ("memory", "memory"),
    ("pids", "processes"),
    ("cpu", "processor time"),
];

/// A hierarchy that is mounted: where, and what it may control.
struct Mounted {
    place: String,
    version: u8,
    controllers: Vec<String>,
}

/// The hierarchies for the limits of sandboxes; with [`Limits::Required`] all three limits are among them.
pub(crate) fn find(limits: Limits) -> Result<Vec<Hierarchy>, BackendError> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    find_in(&mounts, &own, limits)
}

fn find_in(mounts: &str, own: &str, limits: Limits) -> Result<Vec<Hierarchy>, BackendError> {
    let mut found: Vec<Hierarchy> = Vec::new();
    let mut missing: Vec<&str> = CONTROLLERS.iter().map(|(name, _)| *name).collect();
    for mounted in mounts.lines().filter_map(mounted) {
        let wanted = |controllers: Vec<String>| -> Vec<String> {
            let all = controllers.into_iter();
            all.filter(|name| missing.contains(&name.as_str()))
                .collect()
        };
        let mut controllers = wanted(mounted.controllers);
        if controllers.is_empty() {
            continue;
        }
        let Some(parent) = writable_place(&mounted.place, mounted.version, own, is_left_to_us)
        else {
            continue;
        };
        if mounted.version == 2 && parent != mounted.place {
            // A group has those that the one above gives it, which may be fewer than there are.
            controllers = wanted(controllers_of(Path::new(&parent)));
            if controllers.is_empty() {
                continue;
            }
        }
        missing.retain(|name| !controllers.iter().any(|found| found == name));
        found.push(Hierarchy {
            directory: format!("{parent}/{DIRECTORY}"),
            version: mounted.version,
            controllers,
        });
    }
    match (missing.first(), limits) {
        (Some(name), Limits::Required) => Err(refused(name)),
        _ => Ok(found),
    }
}

/// What a line of `/proc/self/mounts` says of a hierarchy.
fn mounted(line: &str) -> Option<Mounted> {
    let mut fields = line.split(' ');
    let (_, place, kind, options) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let controllers = match kind {
        "cgroup" => options.split(',').map(str::to_owned).collect(),
        "cgroup2" => controllers_of(Path::new(place)),
        _ => return None,
    };
    Some(Mounted {
        place: place.to_owned(),
        version: if kind == "cgroup2" { 2 } else { 1 },
        controllers,
    })
}

/// The controllers that a group of version 2 has.
fn controllers_of(group: &Path) -> Vec<String> {
    let controllers = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let names = controllers.split_whitespace();
    names.map(str::to_owned).collect()
}

/// Where this process may make groups: at the top of the hierarchy, or else in its own group if that was delegated. A group
/// that was not delegated belongs to systemd, although a user may be able to write there.
fn writable_place(
    place: &str,
    version: u8,
    own: &str,
    is_delegated: impl FnOnce(&Path) -> bool,
) -> Option<String> {
    if may_make_directories(Path::new(place)) {
        return Some(place.to_owned());
    }
    if version != 2 {
        return None;
    }
    let group = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let group = format!("{place}{}", group.trim_end_matches('/'));
    // Where an earlier spawner has moved this process, the delegated group is the one above.
    let delegated = group.strip_suffix(GROUP_OF_HOST);
    let group = delegated
        .and_then(|group| group.strip_suffix('/'))
        .unwrap_or(&group);
    let path = Path::new(group);
    (is_delegated(path) && may_make_directories(path)).then(|| group.to_owned())
}

/// Whether this process may make groups in a group.
fn may_make_directories(group: &Path) -> bool {
    let ours = group.join(DIRECTORY);
    // Another process may make it at the same time.
    make_private(&ours).is_ok() || ours.is_dir() && is_writable(&ours)
}

/// Makes a directory that only its owner may open: others could lock it for ever.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(target_os = "linux")]
fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn is_writable(_path: &Path) -> bool {
    false
}

fn refused(controller: &str) -> BackendError {
    let limit = CONTROLLERS
        .iter()
        .find_map(|(name, limit)| (*name == controller).then_some(*limit))
        .unwrap_or(controller);
    let mut error = unavailable(format!(
        "no control group limits their {limit} (controller {controller}). As root they need a writable /sys/fs/cgroup. \
         Other users need a delegated group: `systemd-run --user --scope --property=Delegate=yes` starts a program in \
         one. Without it, `limits: \"best-effort\"` starts sandboxes that may use more."
    ));
    error.kind = BackendErrorKind::Unavailable;
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delegated_group_is_found_again_after_the_process_was_moved() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().to_str().unwrap();
        let delegated = format!("{root}/user/scope");
        fs::create_dir_all(&delegated).unwrap();
        // Root may write everywhere, so the top is no directory here.
        fs::write(place.path().join(DIRECTORY), "").unwrap();
        for own in ["0::/user/scope\n", "0::/user/scope/isol8-host\n"] {
            let found = writable_place(root, 2, own, |_| true);
            assert_eq!(found.as_ref(), Some(&delegated));
        }
        assert_eq!(writable_place(root, 1, "0::/user/scope\n", |_| true), None);
    }

    #[test]
    fn a_group_that_nobody_has_delegated_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().to_str().unwrap();
        let group = place.path().join("user/scope");
        fs::create_dir_all(&group).unwrap();
        fs::write(place.path().join(DIRECTORY), "").unwrap();
        assert_eq!(writable_place(root, 2, "0::/user/scope\n", |_| false), None);
        assert_eq!(fs::read_dir(&group).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_delegated_group_has_the_controllers_that_it_was_given() {
        // In a file system that has the mark of systemd.
        let place = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let root = place.path().to_str().unwrap();
        let scope = place.path().join("user/scope");
        fs::create_dir_all(&scope).unwrap();
        // Root may write everywhere, so the top is no directory here.
        fs::write(place.path().join(DIRECTORY), "").unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&scope, "user.delegate", b"1", flags).unwrap();
        fs::write(place.path().join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let mounts = format!("cgroup2 {root} cgroup2 rw 0 0\n");
        let look = |given: &str, limits| {
            fs::write(scope.join("cgroup.controllers"), given).unwrap();
            find_in(&mounts, "0::/user/scope\n", limits)
        };
        // What systemd gives the manager of a user.
        let refused = look("memory pids\n", Limits::Required).unwrap_err();
        assert!(refused.message.contains("controller cpu"), "{refused}");
        let found = look("memory pids\n", Limits::BestEffort).unwrap();
        assert_eq!(found[0].controllers, ["memory", "pids"]);
        assert!(found[0].directory.ends_with("user/scope/isol8"));
        assert!(look("\n", Limits::BestEffort).unwrap().is_empty());
        let all = look("cpu memory pids\n", Limits::Required).unwrap();
        assert_eq!(all[0].controllers, ["cpu", "memory", "pids"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_open_the_directory_of_groups() {
        use std::os::unix::fs::PermissionsExt as _;

        let place = tempfile::tempdir().unwrap();
        assert!(may_make_directories(place.path()));
        let made = fs::metadata(place.path().join(DIRECTORY)).unwrap();
        assert_eq!(made.permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn each_controller_is_taken_from_the_first_hierarchy_that_has_it() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        for name in ["memory", "cpu,cpuacct", "pids", "unified"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(
            Path::new(&path("unified")).join("cgroup.controllers"),
            "cpu memory pids\n",
        )
        .unwrap();
        let first = format!(
            "proc /proc proc rw 0 0\ncgroup {} cgroup rw,memory 0 0\ncgroup {} cgroup rw,relatime,cpu,cpuacct 0 0\n",
            path("memory"),
            path("cpu,cpuacct")
        );
        let error = find_in(&first, "", Limits::Required).unwrap_err();
        assert!(error.message.contains("limits their processes"), "{error}");
        assert_eq!(find_in(&first, "", Limits::BestEffort).unwrap().len(), 2);
        let second = format!("{first}cgroup2 {} cgroup2 rw 0 0\n", path("unified"));
        let found = find_in(&second, "", Limits::Required).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.version, it.controllers.join(" ")))
            .collect();
        let expected = [(1, "memory"), (1, "cpu"), (2, "pids")];
        assert_eq!(
            found,
            expected.map(|(version, names)| (version, names.to_owned()))
        );
    }
}

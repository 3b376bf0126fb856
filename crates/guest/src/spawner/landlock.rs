//! Landlock: a second wall around the files of a sandbox, beside its mounts. A kernel without it, or with an older one,
//! enforces what it knows.

use std::{ffi::OsStr, fs, path::PathBuf};

use isol8_protocol::{GUEST_DIR, SANDBOX_DIR, SESSION_DIR, TMP_DIR};
use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, Scope,
};

use super::failure::Failure;

/// The newest version of Landlock whose rights are known here.
const KNOWN: ABI = ABI::V6;

/// What is restricted. Everything in the root is there to be read. Removing and truncating are left to the mounts: for
/// each check the kernel goes all the way up, which takes too long in a tree that is deeper than a path is long. It
/// would check the right to truncate whenever a directory is opened.
fn handled() -> BitFlags<AccessFs> {
    let free = AccessFs::from_read(KNOWN) & !AccessFs::Execute
        | AccessFs::Truncate
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::MakeDir;
    AccessFs::from_all(KNOWN) & !free
}

/// Directories at the top that no program is started from.
const WITHOUT_PROGRAMS: [&str; 6] = ["dev", "etc", "proc", "run", "sys", "var"];

/// Keeps this process, and all that it starts, to these rights.
pub(crate) fn restrict(host_network: bool) -> Result<(), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format!("restrict access to files: {error}"));
    let scopes = if host_network {
        // Sockets of the host are what this network is for.
        BitFlags::from(Scope::Signal)
    } else {
        Scope::from_all(KNOWN)
    };
    let mut ruleset = Ruleset::default()
        .handle_access(handled())
        .and_then(|ruleset| ruleset.scope(scopes))
        .and_then(Ruleset::create)
        .map_err(|error| failed(&error))?;
    for (path, access) in rules(top()) {
        // A place that this sandbox does not have needs no rule.
        let Ok(place) = PathFd::new(&path) else {
            continue;
        };
        let rule = PathBeneath::new(place, access);
        ruleset = ruleset.add_rule(rule).map_err(|error| failed(&error))?;
    }
    let restricted = ruleset.restrict_self();
    restricted.map(drop).map_err(|error| failed(&error))
}

/// The directories at the top. Links there, such as `/bin`, lead into one of them.
fn top() -> Vec<PathBuf> {
    let entries = fs::read_dir("/").into_iter().flatten();
    let entries = entries.filter_map(Result::ok);
    let is_link = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
    entries
        .filter(|entry| !is_link(entry))
        .map(|entry| entry.path())
        .collect()
}

/// What may be done below each path. Rights below a directory add to those below the one above.
fn rules(top: Vec<PathBuf>) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let change = AccessFs::WriteFile;
    let no_programs = handled() & !AccessFs::Execute;
    let mut rules = vec![
        (PathBuf::from("/dev"), change | AccessFs::IoctlDev),
        (PathBuf::from("/proc"), change.into()),
        (PathBuf::from(SANDBOX_DIR), handled()),
        (PathBuf::from(GUEST_DIR), AccessFs::Execute.into()),
    ];
    for place in [TMP_DIR, SESSION_DIR, "/dev/shm", "/dev/mqueue", "/dev/pts"] {
        rules.push((PathBuf::from(place), no_programs));
    }
    let taken = |path: &PathBuf| rules.iter().any(|(known, _)| known == path);
    let of_programs: Vec<_> = top
        .into_iter()
        .filter(|path| !taken(path))
        .filter(|path| {
            !WITHOUT_PROGRAMS
                .iter()
                .any(|name| path.file_name() == Some(OsStr::new(name)))
        })
        .collect();
    let execute = of_programs
        .into_iter()
        .map(|path| (path, AccessFs::Execute.into()));
    rules.extend(execute);
    rules
}

#[cfg(test)]
mod tests {
    use nix::libc;

    use super::*;

    fn of(path: &str) -> BitFlags<AccessFs> {
        let top = ["/usr", "/lib64", "/tmp", "/etc", "/dev", "/home"];
        let rules = rules(top.map(PathBuf::from).to_vec());
        let above = rules
            .iter()
            .filter(|(place, _)| PathBuf::from(path).starts_with(place));
        above.fold(BitFlags::EMPTY, |all, (_, access)| all | *access)
    }

    /// Whether the kernel has Landlock, and it is switched on.
    fn is_there() -> bool {
        const VERSION: libc::c_ulong = 1;
        let call = libc::SYS_landlock_create_ruleset;
        // SAFETY: with this flag the call reads nothing.
        unsafe { libc::syscall(call, std::ptr::null::<u8>(), 0, VERSION) > 0 }
    }

    #[test]
    fn behind_the_wall_nothing_is_made_and_no_program_is_started_whatever_the_mounts_allow() {
        use std::{
            io::ErrorKind::PermissionDenied, os::unix::fs::PermissionsExt as _, process::Command,
        };

        if !is_there() {
            isol8_testing::not_run("this kernel has no Landlock");
            return;
        }
        // A place that no sandbox has.
        let place = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("there"), "text").unwrap();
        fs::copy("/bin/true", path("program")).unwrap();
        fs::set_permissions(path("program"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new(path("program")).status().unwrap().success());
        // It holds for the thread that asks for it, and what that starts.
        let tried = || {
            nix::sys::prctl::set_no_new_privs().unwrap();
            restrict(false).unwrap();
            let made = fs::write(path("new"), "text").map_err(|error| error.kind());
            let changed = fs::write(path("there"), "more").map_err(|error| error.kind());
            let linked =
                std::os::unix::fs::symlink("x", path("link")).map_err(|error| error.kind());
            let started = Command::new(path("program"))
                .status()
                .map_err(|error| error.kind());
            let of_system = Command::new("/bin/true")
                .status()
                .map(|status| status.success());
            let read = fs::read(path("there")).unwrap();
            (
                [made, changed, linked],
                started.unwrap_err(),
                of_system.unwrap(),
                read,
            )
        };
        let (made, started, of_system, read) =
            std::thread::scope(|scope| scope.spawn(tried).join().unwrap());
        assert_eq!(made, [Err(PermissionDenied); 3]);
        assert_eq!((started, of_system), (PermissionDenied, true));
        assert_eq!(read, b"text");
    }

    #[test]
    fn files_of_the_system_are_run_and_never_changed() {
        for path in [
            "/usr/bin/env",
            "/lib64/ld.so",
            "/home/it/.bun/bin/bun",
            "/.isol8/guest",
        ] {
            assert_eq!(of(path), AccessFs::Execute, "{path}");
        }
        assert_eq!(of("/etc/passwd"), BitFlags::EMPTY);
    }

    #[test]
    fn programs_are_not_started_from_places_for_files() {
        assert_eq!(of("/sandbox/x"), handled());
        for path in ["/tmp/x", "/dev/shm/x", "/dev/mqueue/x", "/.isol8-session/x"] {
            let rights = of(path);
            assert!(
                rights.contains(AccessFs::MakeReg | AccessFs::WriteFile),
                "{path}"
            );
            assert!(!rights.contains(AccessFs::Execute), "{path}");
        }
        assert!(of("/dev/null").contains(AccessFs::WriteFile));
        for path in ["/dev/null", "/proc/self/comm"] {
            assert!(
                !of(path).intersects(AccessFs::MakeReg | AccessFs::Execute),
                "{path}"
            );
        }
    }
}

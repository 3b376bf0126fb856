//! The sandbox user's rights in the file system, for work that the guest does for a program.

use std::{cell::Cell, io, sync::OnceLock};

use nix::{
    errno::Errno,
    libc,
    unistd::{Gid, Uid, setfsgid, setfsuid},
};

/// Whether the rights in the file system can be changed alone.
static HAS_EFFECT: OnceLock<bool> = OnceLock::new();

thread_local! {
    /// Whether the thread has the user's rights now.
    static HAS_THEM: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the sandbox user's rights in the file system. Within such work, this is free: each change takes new
/// credentials from the kernel.
pub(crate) fn with_rights_of_user<T>(work: impl FnOnce() -> T) -> T {
    if HAS_THEM.replace(true) {
        return work();
    }
    let made = change_rights(work);
    HAS_THEM.set(false);
    made
}

fn change_rights<T>(work: impl FnOnce() -> T) -> T {
    let user = Uid::from_raw(crate::user::id());
    let group = Gid::from_raw(isol8_protocol::GROUP_ID);
    let (old_group, old_user) = (setfsgid(group), setfsuid(user));
    // Neither call reports a failure. A further one returns what the last one left.
    let has_effect = *HAS_EFFECT.get_or_init(|| setfsuid(user) == user);
    let made = if has_effect {
        work()
    } else {
        as_effective(group.as_raw(), user.as_raw(), work)
    };
    setfsuid(old_user);
    setfsgid(old_group);
    made
}

/// Runs `work` while the thread has another effective group and user, for gVisor, which lacks the calls for the file
/// system alone. The real ones stay root. So the thread can go back, and no program can stop it.
///
/// Where a change fails, the guest ends: it would do the program's work in files as root, or its own as the program.
fn as_effective<T>(group: u32, user: u32, work: impl FnOnce() -> T) -> T {
    let set = |group, user| {
        if let Err(cause) = set_effective(group, user) {
            eprintln!("Cannot change the user of a thread: {cause}");
            std::process::abort();
        }
    };
    set(group, user);
    let made = work();
    set(0, 0);
    made
}

/// Changes the effective group and user of this thread.
fn set_effective(group: u32, user: u32) -> io::Result<()> {
    const SAME: u32 = u32::MAX;
    let set = |call, id: u32| {
        // SAFETY: the call takes three numbers. The C library's function would change all threads.
        let result = unsafe { libc::syscall(call, SAME, id, SAME) };
        Errno::result(result).map(drop)
    };
    // Only root can choose the group.
    if user == 0 {
        set(libc::SYS_setresuid, user)?;
        set(libc::SYS_setresgid, group)?;
    } else {
        set(libc::SYS_setresgid, group)?;
        set(libc::SYS_setresuid, user)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set in the process that is to abort.
    const ABORTS: &str = "ISOL8_TEST_ABORTS";

    #[test]
    fn a_guest_that_cannot_change_its_user_aborts() {
        use std::{os::unix::process::ExitStatusExt as _, process::Command};

        if std::env::var_os(ABORTS).is_some() {
            if Uid::effective().is_root() {
                nix::unistd::setuid(Uid::from_raw(65534)).unwrap();
            }
            as_effective(65533, 65533, || ());
            return;
        }
        let name = std::thread::current().name().unwrap().to_owned();
        let mut again = Command::new(std::env::current_exe().unwrap());
        again
            .args(["--exact", &name, "--nocapture"])
            .env(ABORTS, "1");
        let output = again.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{said}");
        assert!(said.contains("Cannot change the user"), "{said}");
    }

    /// Whether there are other users to become.
    fn is_root() -> bool {
        let is_root = Uid::effective().is_root();
        if !is_root {
            isol8_testing::not_run("only root can become another user");
        }
        is_root
    }

    #[test]
    fn files_are_made_and_refused_as_for_the_user_and_later_ones_as_for_root() {
        use std::{
            fs::{self, File, Permissions},
            os::unix::fs::{MetadataExt as _, PermissionsExt as _},
        };

        if !is_root() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        fs::write(path("private"), "of root").unwrap();
        fs::set_permissions(path("private"), Permissions::from_mode(0o600)).unwrap();
        let owner = |name: &str| {
            let found = File::create(path(name)).unwrap().metadata().unwrap();
            (found.uid(), found.gid())
        };
        for _ in 0..2 {
            let (made, private) =
                with_rights_of_user(|| (owner("of-user"), File::open(path("private"))));
            assert_eq!(made, (crate::user::id(), isol8_protocol::GROUP_ID));
            assert_eq!(private.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            assert_eq!(owner("of-root"), (0, 0));
            assert!(File::open(path("private")).is_ok());
        }
    }

    #[test]
    fn a_change_of_user_has_an_end() {
        if !is_root() {
            return;
        }
        let ids = || (Gid::effective().as_raw(), Uid::effective().as_raw());
        assert_eq!(as_effective(65533, 65534, ids), (65533, 65534));
        assert_eq!(ids(), (0, 0));
    }
}

//! The sandbox user's rights in the file system, for work that the guest does for a program.

use std::{io, sync::OnceLock};

use nix::{
    errno::Errno,
    libc,
    unistd::{Gid, Uid, setfsgid, setfsuid},
};

/// Whether the rights in the file system can be changed alone.
static HAS_EFFECT: OnceLock<bool> = OnceLock::new();

/// Runs `work` with the sandbox user's rights in the file system.
pub(crate) fn with_rights_of_user<T>(work: impl FnOnce() -> T) -> T {
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

    #[test]
    fn a_change_of_user_has_an_end() {
        if !Uid::effective().is_root() {
            return;
        }
        let ids = || (Gid::effective().as_raw(), Uid::effective().as_raw());
        assert_eq!(as_effective(65533, 65534, ids), (65533, 65534));
        assert_eq!(ids(), (0, 0));
    }
}

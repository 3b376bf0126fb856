//! Work with the sandbox user's rights: forked children that become that user before they touch its
//! files.
//!
//! User code can plant symbolic links, pipes and other traps. A child with exactly the rights of user
//! code can do nothing through them that user code could not do itself. The guest has one thread, so a
//! forked child may use everything that the guest could.
//!
//! A child that does the guest's own work has these rights under another real user. Otherwise a process
//! that a session left running could stop the child, and with it whoever waits for it.

use std::{
    fs, io,
    os::fd::{BorrowedFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use isol8_protocol::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, GROUP_ID, Reply, decode};
use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
    sys::{
        prctl,
        signal::{SigSet, SigmaskHow, sigprocmask},
        stat::{Mode, umask},
    },
    unistd::{
        ForkResult, Gid, Uid, dup2_raw, getresgid, getresuid, setgroups, setresgid, setresuid,
    },
};

use super::{share::clone_sharing, spare::fork_with_spare};
use crate::user;

/// Exit code of a child that could not become the sandbox user, or panicked.
const BROKEN_CHILD: i32 = 125;

/// Forks a child in which `fds[n]` is descriptor `n` and every other descriptor is closed. The child runs
/// `first` as root, becomes the sandbox user, and ends with the exit code that `job` returns.
pub(crate) fn fork_as_user(
    fds: &[BorrowedFd<'_>],
    first: impl FnOnce(),
    job: impl FnOnce() -> i32,
) -> io::Result<i32> {
    fork_as(user::id(), fds, first, job)
}

/// The same for a child whose real and saved user is `real`.
pub(crate) fn fork_as(
    real: u32,
    fds: &[BorrowedFd<'_>],
    first: impl FnOnce(),
    job: impl FnOnce() -> i32,
) -> io::Result<i32> {
    // SAFETY: the guest has one thread, so the child inherits no lock that another thread holds.
    match unsafe { fork_with_spare() }? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            let code = run_as_user(real, fds, first, job);
            // SAFETY: ends the process without running the guest's clean-up in the child.
            unsafe { libc::_exit(code) }
        }
    }
}

/// The same with a child that [shares](clone_sharing) the guest's memory.
pub(crate) fn share_as_user(
    fds: &[BorrowedFd<'_>],
    first: impl FnOnce(),
    job: impl FnOnce() -> i32,
) -> io::Result<i32> {
    clone_sharing(|| run_as_user(user::id(), fds, first, job))
}

/// The work of a new child. Returns its exit code.
fn run_as_user(
    real: u32,
    fds: &[BorrowedFd<'_>],
    first: impl FnOnce(),
    job: impl FnOnce() -> i32,
) -> i32 {
    let child = || {
        arrange(fds)?;
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
        first();
        become_user(real)?;
        Ok::<_, io::Error>(job())
    };
    let code = catch_unwind(AssertUnwindSafe(child));
    code.ok().and_then(Result::ok).unwrap_or(BROKEN_CHILD)
}

/// Gives `fds` their numbers and closes the rest. A child that kept the write end of another program's
/// standard input, for example, would keep that program from ever seeing its end.
fn arrange(fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let count = RawFd::try_from(fds.len()).map_err(io::Error::other)?;
    // Moved to high numbers first, so that no target number is still a source.
    let moved = fds
        .iter()
        .map(|fd| fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(count)))
        .collect::<Result<Vec<_>, _>>()?;
    for (target, source) in (0..count).zip(moved) {
        // SAFETY: `source` was just opened. What the target number was is the guest's, which this
        // child never runs again.
        std::mem::forget(unsafe { dup2_raw(BorrowedFd::borrow_raw(source), target) }?);
    }
    // SAFETY: closes descriptors that nothing in this child uses any more.
    if unsafe { libc::syscall(libc::SYS_close_range, count, libc::c_uint::MAX, 0) } == 0 {
        return Ok(());
    }
    close_one_by_one(count)
}

/// For kernels before 5.9 and filters that do not know the call.
fn close_one_by_one(from: RawFd) -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()?;
    for number in names
        .iter()
        .filter_map(|name| name.to_str()?.parse::<RawFd>().ok())
    {
        if number >= from {
            // SAFETY: as above. The listing's own descriptor is among them and closed already.
            unsafe { libc::close(number) };
        }
    }
    Ok(())
}

/// Gives up every right but the sandbox user's, and checks that they are gone. The real and the saved
/// user are `real`.
fn become_user(real: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(user::id()), Gid::from_raw(GROUP_ID));
    let real = Uid::from_raw(real);
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(real, user, real)?;
    // Other processes of the user may not read or trace this one until it runs their program.
    prctl::set_dumpable(false)?;
    let (users, groups) = (getresuid()?, getresgid()?);
    let users_left = [users.real, users.effective, users.saved] != [real, user, real];
    let groups_left = [groups.real, groups.effective, groups.saved]
        .iter()
        .any(|id| *id != group);
    if users_left || groups_left {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    umask(Mode::from_bits_truncate(0o022));
    Ok(())
}

/// Returns the reply in a frame that a child has written, or `None` when the frame is not complete.
pub(crate) fn parse_reply(frame: &[u8]) -> Option<Reply> {
    let (header, payload) = frame.split_first_chunk::<FRAME_HEADER_BYTES>()?;
    let header = FrameHeader::parse(*header).ok()?;
    if header.kind != FrameKind::Message || header.length != payload.len() {
        return None;
    }
    decode(payload).ok()
}

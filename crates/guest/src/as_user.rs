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
    fs::{self, File},
    io::{self, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use isol8_protocol::{
    ErrorKind, FRAME_HEADER_BYTES, FrameHeader, FrameKind, GROUP_ID, Reply, decode, encode_message,
};
use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    sys::{
        prctl,
        signal::{SigSet, SigmaskHow, Signal, sigprocmask},
        stat::{Mode, umask},
    },
    unistd::{
        ForkResult, Gid, Uid, dup2_raw, getresgid, getresuid, pipe2, setgroups, setresgid,
        setresuid,
    },
};
use tokio::sync::oneshot;

use crate::{
    failure::Failure,
    fd::Fd,
    kill,
    reaper::{Ended, Reaper, Role},
    share::clone_sharing,
    spare::fork_with_spare,
    user,
};

/// Real and saved user of helpers. It has no rights. Only the guest can signal processes of this user.
const HELPER_ID: u32 = 103;

/// Exit code of a child that could not become the sandbox user, or panicked.
const BROKEN_CHILD: i32 = 125;

/// Largest answer of a helper in bytes: a [`Failure`] with its two clipped texts, and some reserve.
const MAX_ANSWER_BYTES: usize = 32 * 1024;

/// What the guest sends to a helper to make its work final.
const COMMIT: u8 = 1;

/// Forks a child in which `fds[n]` is descriptor `n` and every other descriptor is closed. The child runs
/// `first` as root, becomes the sandbox user, and ends with the exit code that `job` returns.
pub(crate) fn fork_as_user(
    fds: &[BorrowedFd<'_>],
    first: impl FnOnce(),
    job: impl FnOnce() -> i32,
) -> io::Result<i32> {
    fork_as(user::id(), fds, first, job)
}

fn fork_as(
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

/// Where a helper waits for the guest's decision.
pub(crate) struct Commit(File);

impl Commit {
    /// Waits for the guest's decision. Returns true when the work becomes final, false when it is undone.
    pub(crate) fn is_given(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.0.read(&mut byte), Ok(1)) && byte[0] == COMMIT
    }

    /// Whether nobody waits for the work any more. Does not wait.
    pub(crate) fn is_withdrawn(&self) -> bool {
        let mut state = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: 0,
            revents: 0,
        };
        // SAFETY: `state` is one entry and valid for the call, which does not wait.
        unsafe { libc::poll(&raw mut state, 1, 0) == 1 && state.revents & libc::POLLHUP != 0 }
    }
}

/// A child that does the guest's work with the user's rights.
pub(crate) struct Helper<'a> {
    reaper: &'a Reaper,
    pid: i32,
    answer: Fd,
    /// None when nothing more is sent to it.
    commit: Option<Fd>,
    ended: oneshot::Receiver<Ended>,
    kill_on_drop: bool,
}

impl<'a> Helper<'a> {
    /// Starts `job`, which receives `data` and returns a reply.
    pub(crate) fn start(
        reaper: &'a Reaper,
        data: &OwnedFd,
        job: impl FnOnce(File, Commit) -> Result<Reply, Failure>,
    ) -> io::Result<Self> {
        // Pipes, because closing a socket with unread data in it discards the answer that was sent before.
        let (answer, their_answer) = pipe2(OFlag::O_CLOEXEC)?;
        let (their_commit, commit) = pipe2(OFlag::O_CLOEXEC)?;
        let stderr = io::stderr();
        let fds = [
            data.as_fd(),
            their_answer.as_fd(),
            stderr.as_fd(),
            their_commit.as_fd(),
        ];
        let child = || {
            // SAFETY: the fork has put them in this order, and nothing else in the child owns them.
            let [data, mut answer, commit] = unsafe { [0, 1, 3].map(|fd| File::from_raw_fd(fd)) };
            let reply = job(data, Commit(commit)).unwrap_or_else(Failure::into_reply);
            let frame = encode_message(&reply).map_err(io::Error::other);
            i32::from(frame.and_then(|frame| answer.write_all(&frame)).is_err())
        };
        let pid = fork_as(HELPER_ID, &fds, || (), child)?;
        let ended = reaper.register(pid, Role::Helper);
        let (answer, commit) = (Fd::new(answer)?, Some(Fd::new(commit)?));
        Ok(Self {
            reaper,
            pid,
            answer,
            commit,
            ended,
            kill_on_drop: false,
        })
    }

    /// Kills the helper as soon as nobody waits for it, instead of letting it notice that.
    pub(crate) fn kill_on_drop(mut self) -> Self {
        self.kill_on_drop = true;
        self
    }

    /// A handle that can end the helper while its answer is awaited.
    pub(crate) fn killer(&self) -> Killer<'a> {
        Killer {
            reaper: self.reaper,
            pid: self.pid,
        }
    }

    /// Makes the work of the helper final.
    pub(crate) async fn commit(&self) {
        // A helper that has failed is gone already, and its answer has the reason.
        if let Some(commit) = &self.commit {
            let _ = commit.write_all(&[COMMIT]).await;
        }
    }

    /// Waits for the answer of the helper. The helper has ended then. Work that is not final is undone.
    pub(crate) async fn answer(mut self) -> Reply {
        self.commit = None;
        self.end().await
    }

    /// Waits for the end of work that goes on until it is [withdrawn](Commit::is_withdrawn): dropping the
    /// future withdraws it.
    pub(crate) async fn end(mut self) -> Reply {
        let answer = self.answer.read_to_end(MAX_ANSWER_BYTES).await;
        let reply = answer.ok().and_then(|answer| parse_reply(&answer));
        let ended = (&mut self.ended).await;
        reply.unwrap_or_else(|| {
            let how =
                ended.map_or_else(|_| String::new(), |ended| format!(" ({:?})", ended.status));
            Failure::new(
                ErrorKind::System,
                "",
                format!("the work ended without a result{how}: it was killed, or memory ran out"),
            )
            .into_reply()
        })
    }
}

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        if self.kill_on_drop {
            self.killer().kill();
        }
    }
}

/// Ends a helper.
#[derive(Clone, Copy)]
pub(crate) struct Killer<'a> {
    reaper: &'a Reaper,
    pid: i32,
}

impl Killer<'_> {
    pub(crate) fn kill(self) {
        if self.reaper.is_child(self.pid) {
            kill::send(self.pid, Signal::SIGKILL);
        }
    }
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

//! Helpers: children that do the guest's own work with the user's rights, and report to it.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use isol8_protocol::{ErrorKind, Reply, encode_message};
use nix::{fcntl::OFlag, libc, sys::signal::Signal, unistd::pipe2};
use tokio::sync::oneshot;

use super::{
    as_user::{fork_as, parse_reply},
    kill,
    reaper::{Ended, Reaper, Role},
};
use crate::{failure::Failure, fd::Fd};

/// Real and saved user of helpers. It has no rights. Only the guest can signal processes of this user.
const HELPER_ID: u32 = 103;

/// Largest answer of a helper in bytes: a [`Failure`] with its two clipped texts, and some reserve.
const MAX_ANSWER_BYTES: usize = 32 * 1024;

/// What the guest sends to a helper to make its work final.
const COMMIT: u8 = 1;

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

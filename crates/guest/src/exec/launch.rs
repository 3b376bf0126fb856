//! Starting a program: what the guest prepares, and the report of the child. The [child](child) writes the
//! inline files and then becomes the program, so that a run costs one process.

mod child;
mod failures;
mod words;

use std::{
    ffi::{CString, OsString},
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, FromRawFd, OwnedFd, RawFd},
    time::{Duration, Instant},
};

use isol8_protocol::{ExecRequest, InlineFile, encode_message};
use nix::sys::socket::SockType;
use tokio::{sync::oneshot, time::timeout};

use self::{
    child::report_ready,
    failures::{ended_at_once, reported, starting},
    words::{DEFAULT_PATH, c_string, candidates, environment},
};
use super::ending::Ending;
use crate::{
    failure::Failure,
    fd::{Fd, receive, sockets},
    files::user_files::check_path,
    guest::Guest,
    memory::oom_score,
    processes::{
        as_user::{fork_as_user, share_as_user},
        kill,
        reaper::{Ended, Role},
    },
    user::capabilities,
};

/// The descriptor of the status socket in the child, after standard input, output and error.
const STATUS_FD: i32 = 3;

/// First byte on the status socket: the child has become the sandbox user. The listener of its filter comes
/// with the byte. A child that sends no such byte has ended early. A child that sends nothing more has become
/// the program.
const READY: u8 = 1;

/// Exit code of a child that has reported why it could not become the program.
const NOT_STARTED: i32 = 127;

/// How long a child may take to become the program. It does a handful of local file operations.
const LAUNCH_DEADLINE: Duration = Duration::from_secs(10);

/// Largest report of a child that could not become the program, in bytes.
const MAX_REPORT_BYTES: usize = 32 * 1024;

/// A program, checked and ready to be started.
#[derive(Debug)]
pub(super) struct Launch {
    argv: Vec<CString>,
    environ: Vec<CString>,
    /// Where the program may be, in the order to try.
    candidates: Vec<CString>,
    cwd: String,
    files: Vec<InlineFile>,
    /// Whether the program may become another user. It is then a program of the guest, and not filtered.
    changes_user: bool,
    /// Whether nothing of a user has run in the sandbox.
    first: bool,
}

/// The child's ends of its standard streams.
pub(super) struct Stdio<'a> {
    pub(super) input: &'a OwnedFd,
    pub(super) output: OwnedFd,
    pub(super) error: OwnedFd,
    /// More descriptors and the numbers they get, all above [`STATUS_FD`] and their own count.
    pub(super) more: Vec<(OwnedFd, RawFd)>,
}

/// A started program.
pub(super) struct Program {
    pub(super) pid: i32,
    pub(super) started: Instant,
    pub(super) ended: oneshot::Receiver<Ended>,
    /// Reports when it begins to end, where the system can.
    pub(super) ending: Option<Ending>,
}

impl Launch {
    /// Checks the command line, environment and directory of a request.
    pub(super) fn new(
        request: &mut ExecRequest,
        image_environ: &[(OsString, OsString)],
    ) -> Result<Self, Failure> {
        let name = request.argv.first().filter(|name| !name.is_empty());
        let Some(name) = name.cloned() else {
            return Err(Failure::invalid("there is no program to run"));
        };
        check_path(&request.cwd)?;
        for file in &request.files {
            check_path(&file.path)?;
        }
        let environ = environment(image_environ, &request.env)?;
        let path = environ
            .get(b"PATH".as_slice())
            .map_or(DEFAULT_PATH, Vec::as_slice);
        let argv = std::mem::take(&mut request.argv);
        Ok(Self {
            candidates: candidates(&name, path)?,
            argv: argv
                .into_iter()
                .map(|text| c_string(text.into()))
                .collect::<Result<_, _>>()?,
            environ: environ
                .into_iter()
                .map(|(name, value)| c_string([name, value].join(&b'=')))
                .collect::<Result<_, _>>()?,
            cwd: std::mem::take(&mut request.cwd),
            files: std::mem::take(&mut request.files),
            changes_user: false,
            first: false,
        })
    }

    /// Lets the program become another user.
    pub(super) fn may_change_user(mut self) -> Self {
        self.changes_user = true;
        self
    }

    /// Notes whether nothing of a user has run in the sandbox since its start or its reset.
    pub(super) fn set_first(&mut self, first: bool) {
        self.first = first;
    }

    pub(super) fn argv(&self) -> &[CString] {
        &self.argv
    }

    pub(super) fn environ(&self) -> &[CString] {
        &self.environ
    }

    pub(super) fn environ_bytes(&self) -> Vec<&[u8]> {
        self.environ.iter().map(|pair| pair.to_bytes()).collect()
    }

    pub(super) fn cwd(&self) -> &str {
        &self.cwd
    }

    pub(super) fn files(&self) -> &[InlineFile] {
        &self.files
    }

    /// Starts the program; returns when it runs.
    pub(super) async fn start(
        self,
        guest: &Guest,
        role: Role,
        stdio: Stdio<'_>,
    ) -> Result<Program, Failure> {
        guest.memory.check_start()?;
        let only = self.first && !self.changes_user && stdio.more.is_empty();
        // Another process of the user could stop the child, and with it the guest.
        if only && guest.reaper.has_no_child() {
            self.start_sharing(guest, role, &stdio)
        } else {
            self.start_forked(guest, role, stdio).await
        }
    }

    /// Starts the program in a child that shares the guest's memory until it is the program.
    fn start_sharing(
        &self,
        guest: &Guest,
        role: Role,
        stdio: &Stdio<'_>,
    ) -> Result<Program, Failure> {
        let (status, theirs) = sockets(SockType::Stream).map_err(|error| starting(&error))?;
        let fds = [
            stdio.input.as_fd(),
            stdio.output.as_fd(),
            stdio.error.as_fd(),
            theirs.as_fd(),
        ];
        let mut vectors = self.vectors();
        let started = Instant::now();
        let (mut is_user, mut failed) = (false, None);
        let pid = share_as_user(&fds, oom_score::prefer_program, || {
            is_user = true;
            // SAFETY: it has been put there, and nothing else in the child owns it.
            let status = unsafe { File::from_raw_fd(STATUS_FD) };
            let Err(failure) = report_ready(&status, guest.filters_programs)
                .and_then(|()| self.become_program(&[], &mut vectors));
            failed = Some(failure);
            NOT_STARTED
        })
        .map_err(|error| starting(&error))?;
        let ended = guest.reaper.register(pid, role);
        match failed {
            Some(failure) => Err(failure),
            None if is_user => {
                let (_, listener) = receive(&status, &mut [0]).map_err(|error| starting(&error))?;
                let ending = listener.map(Ending::new).transpose();
                Ok(Program {
                    pid,
                    started,
                    ended,
                    ending: ending.map_err(|error| starting(&error))?,
                })
            }
            None => Err(ended_at_once()),
        }
    }

    /// Starts the program in a forked child.
    async fn start_forked(
        self,
        guest: &Guest,
        role: Role,
        stdio: Stdio<'_>,
    ) -> Result<Program, Failure> {
        let (status, theirs) = sockets(SockType::Stream).map_err(|error| starting(&error))?;
        let filtered = guest.filters_programs && !self.changes_user;
        let mut fds = vec![
            stdio.input.as_fd(),
            stdio.output.as_fd(),
            stdio.error.as_fd(),
            theirs.as_fd(),
        ];
        fds.extend(stdio.more.iter().map(|(fd, _)| fd.as_fd()));
        let numbers = stdio
            .more
            .iter()
            .map(|(_, number)| *number)
            .collect::<Vec<_>>();
        let started = Instant::now();
        let first = || {
            oom_score::prefer_program();
            if self.changes_user {
                // If this has no effect, the steps after the change of user fail.
                let _ = capabilities::keep();
            }
        };
        let pid = fork_as_user(&fds, first, || {
            // SAFETY: the fork has put the socket there, and nothing else in the child owns it.
            let mut status = unsafe { File::from_raw_fd(STATUS_FD) };
            let Err(failure) = report_ready(&status, filtered)
                .and_then(|()| self.become_program(&numbers, &mut self.vectors()));
            let frame = encode_message(&failure.into_reply()).unwrap_or_default();
            // Only the guest reads the report, so there is nobody to report this failure to.
            let _ = status.write_all(&frame);
            NOT_STARTED
        })
        .map_err(|error| starting(&error))?;
        let ended = guest.reaper.register(pid, role);
        // Only the program may have the other ends of the pipes, or the guest would never see their end.
        drop((self, stdio, theirs));

        let status = Fd::new(status).map_err(|error| starting(&error))?;
        let report = async {
            let mut first = [0];
            let (count, listener) = status.receive(&mut first).await?;
            let report = status.read_to_end(MAX_REPORT_BYTES).await?;
            let ready = first[..count] == [READY];
            Ok((ready, report, listener.map(Ending::new).transpose()?))
        };
        match timeout(LAUNCH_DEADLINE, report).await {
            Ok(Ok((true, report, ending))) if report.is_empty() => Ok(Program {
                pid,
                started,
                ended,
                ending,
            }),
            Ok(Ok((true, report, _))) => Err(reported(&report)),
            Ok(Ok((false, ..))) => Err(ended_at_once()),
            Ok(Err(error)) => Err(starting(&error)),
            Err(_) => {
                if guest.reaper.is_child(pid) {
                    kill::send(pid, nix::sys::signal::Signal::SIGKILL);
                }
                Err(starting(&io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests;

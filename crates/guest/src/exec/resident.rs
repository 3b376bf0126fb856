//! The resident interpreter of a session: started once, told what to run, asked whether it has.
//!
//! Its standard input is one pipe for its whole life, which the guest opens for writing anew in
//! each call. Without a writer the pipe is at its end, and with the next one it no longer is: so
//! every call has an input of its own, on a descriptor that never changes.

use std::{future::pending, io, os::fd::OwnedFd, time::Instant};

use isol8_protocol::{
    COMMAND_FD, ExecRequest, FrameKind, MAX_REPORT_BYTES, REPORT_FD, parse_report,
};
use nix::{errno::Errno, fcntl::OFlag, unistd::read};
use tokio::sync::oneshot::error::TryRecvError;

use super::{
    launch::{Launch, Program, Stdio},
    output::Source,
    start::output_pipe,
};
use crate::{
    failure::Failure,
    fd::{Fd, make_blocking, reopen, user_pipe},
    guest::Guest,
    reaper::Role,
};

/// Read at once of input that nobody has read, in bytes.
const DISCARD_BYTES: usize = 16 * 1024;

/// An interpreter that waits for a command or carries one out.
pub(crate) struct Resident {
    pub(super) program: Program,
    pub(super) stdin: Stdin,
    pub(super) stdout: Source,
    pub(super) stderr: Source,
    pub(super) commands: Fd,
    pub(super) reports: Reports,
    /// How many calls it has had.
    pub(super) calls: u64,
}

impl Resident {
    /// Starts an interpreter with the command line of `request`.
    pub(super) async fn start(guest: &Guest, request: &mut ExecRequest) -> Result<Self, Failure> {
        let preparing = |error: io::Error| Failure::system("cannot prepare the session", &error);
        let launch = Launch::new(request, &guest.environ)?;
        let (stdin, _) = user_pipe().map_err(preparing)?;
        let (stdout, their_stdout) = output_pipe(FrameKind::Stdout).map_err(preparing)?;
        let (stderr, their_stderr) = output_pipe(FrameKind::Stderr).map_err(preparing)?;
        let (their_commands, commands) = user_pipe().map_err(preparing)?;
        let (reports, their_reports) = user_pipe().map_err(preparing)?;
        let commands = Fd::new(commands).map_err(preparing)?;
        let reports = Fd::new(reports).map_err(preparing)?;
        let streams = Stdio {
            input: &stdin,
            output: their_stdout,
            error: their_stderr,
            more: vec![(their_commands, COMMAND_FD), (their_reports, REPORT_FD)],
        };
        let program = launch.start(guest, Role::Resident, streams).await?;
        Ok(Self {
            program,
            stdin: Stdin(stdin),
            stdout,
            stderr,
            commands,
            reports: Reports {
                pipe: reports,
                line: Vec::new(),
            },
            calls: 0,
        })
    }

    /// Whether it can be told something.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.program.ended.try_recv(), Err(TryRecvError::Empty))
    }

    /// Begins a call: its number, and when it began. The first one includes the start.
    pub(super) fn begin(&mut self) -> (u64, Instant) {
        let started = match self.calls {
            0 => self.program.started,
            _ => Instant::now(),
        };
        self.calls += 1;
        self.stdout.restart();
        self.stderr.restart();
        (self.calls, started)
    }

    /// Lets go of an interpreter that has ended. What it has started may still write.
    pub(super) fn discard(self) {
        for stream in [self.stdout, self.stderr] {
            tokio::task::spawn_local(stream.discard());
        }
    }
}

/// The interpreter's end of its standard input.
pub(super) struct Stdin(OwnedFd);

impl Stdin {
    /// Opens it for writing. A program of an earlier call may have left it in a state in which reads
    /// do not wait; that is set right.
    pub(super) fn open(&self) -> io::Result<Fd> {
        make_blocking(&self.0)?;
        Fd::new(reopen(&self.0, OFlag::O_WRONLY | OFlag::O_NONBLOCK)?)
    }

    /// Throws away what was not read, so that the next call does not find it.
    pub(super) fn clear(&self) -> io::Result<()> {
        let ours = reopen(&self.0, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        let mut buffer = [0; DISCARD_BYTES];
        loop {
            match read(&ours, &mut buffer) {
                Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What the launcher says about the ends of calls. User code can write here, too: it can lie about
/// its own end and do no other harm.
pub(super) struct Reports {
    pipe: Fd,
    line: Vec<u8>,
}

impl Reports {
    /// Waits for the exit code of call number `call`. Cancel safe.
    pub(super) async fn of(&mut self, call: u64) -> i32 {
        let mut buffer = [0; MAX_REPORT_BYTES];
        loop {
            while let Some(length) = self.line.iter().position(|byte| *byte == b'\n') {
                let report = parse_report(&self.line[..length]);
                self.line.drain(..=length);
                if let Some((number, code)) = report
                    && number == call
                {
                    return code;
                }
            }
            if self.line.len() >= MAX_REPORT_BYTES {
                self.line.clear();
            }
            match self.pipe.read(&mut buffer).await {
                Ok(count) if count > 0 => self.line.extend_from_slice(&buffer[..count]),
                // It has closed its end; what remains is its exit, or the time limit.
                _ => pending().await,
            }
        }
    }
}

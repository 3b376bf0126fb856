//! The resident interpreter of a session. It is started once. For each call it gets a command and reports the
//! end.

use std::{future::pending, io, time::Instant};

use isol8_protocol::{
    COMMAND_FD, ExecRequest, ExitStatus, MAX_REPORT_BYTES, REPORT_FD, Report, SessionLoss,
    SessionPipe, parse_report,
};
use nix::{fcntl::OFlag, libc};
use tokio::sync::{Notify, oneshot::error::TryRecvError};

use super::{
    launch::{Launch, Program, Stdio},
    pipes::{Pipes, clear_commands, theirs},
};
use crate::{failure::Failure, fd::Fd, guest::Guest, reaper::Role};

/// What a sandbox keeps of its session.
#[derive(Default)]
pub(crate) struct Session {
    pub(super) pipes: Option<Pipes>,
    /// The interpreter, while no call uses it.
    pub(super) resident: Option<Resident>,
    /// Why an interpreter with state has ended, until a report has carried it to the host.
    pub(super) loss: Option<SessionLoss>,
    /// How many processes the system had killed for their memory at the end of the last call.
    pub(super) kills: Option<u64>,
    /// How many calls there were, in all interpreters.
    calls: u64,
}

impl Session {
    /// Why the state was lost since the last call of this function, if it was.
    pub(crate) fn take_loss(&mut self) -> Option<SessionLoss> {
        self.loss.take()
    }

    /// Forgets everything. Call it when nothing of a user runs any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number of the next call.
    pub(super) fn next_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// The interpreter, started with the command line of `request` if there is none that lives.
    pub(super) async fn resident(
        &mut self,
        guest: &Guest,
        request: &mut ExecRequest,
    ) -> Result<(Resident, &mut Pipes), Failure> {
        let preparing = |error: io::Error| Failure::system("cannot prepare the session", &error);
        let pipes = match self.pipes.take() {
            Some(pipes) => pipes,
            None => Pipes::open().map_err(preparing)?,
        };
        let pipes = self.pipes.insert(pipes);
        if let Some(status) = self.resident.as_mut().and_then(Resident::ended) {
            self.resident = None;
            self.loss = Some(ended_with(status, guest.memory.kills() > self.kills));
        }
        let resident = if let Some(resident) = self.resident.take() {
            resident
        } else {
            clear_commands().map_err(preparing)?;
            Resident::start(guest, request).await?
        };
        Ok((resident, pipes))
    }
}

/// Why an interpreter has ended with `status`, which the guest did not bring about.
pub(super) fn ended_with(status: ExitStatus, out_of_memory: bool) -> SessionLoss {
    match status {
        ExitStatus::Signal(libc::SIGKILL) if out_of_memory => SessionLoss::OutOfMemory,
        ExitStatus::Signal(number) => SessionLoss::Signalled(number),
        ExitStatus::Code(code) => SessionLoss::Exited(code),
    }
}

/// An interpreter that waits for a command or carries one out.
pub(super) struct Resident {
    pub(super) program: Program,
    /// Whether it has had a call.
    used: bool,
}

impl Resident {
    async fn start(guest: &Guest, request: &mut ExecRequest) -> Result<Self, Failure> {
        let preparing = |error: io::Error| Failure::system("cannot prepare the session", &error);
        let launch = Launch::new(request, &guest.environ)?;
        let end = |pipe, flags| theirs(pipe, flags).map_err(preparing);
        let streams = Stdio {
            input: &end(SessionPipe::Stdin, OFlag::O_RDONLY)?,
            output: end(SessionPipe::Stdout, OFlag::O_WRONLY)?,
            error: end(SessionPipe::Stderr, OFlag::O_WRONLY)?,
            more: vec![
                (end(SessionPipe::Commands, OFlag::O_RDONLY)?, COMMAND_FD),
                (end(SessionPipe::Reports, OFlag::O_WRONLY)?, REPORT_FD),
            ],
        };
        let program = launch.start(guest, Role::Resident, streams).await?;
        Ok(Self {
            program,
            used: false,
        })
    }

    /// How it has ended, between two calls.
    fn ended(&mut self) -> Option<ExitStatus> {
        match self.program.ended.try_recv() {
            Err(TryRecvError::Empty) => None,
            Ok(ended) => Some(ended.status),
            Err(TryRecvError::Closed) => Some(ExitStatus::Signal(libc::SIGKILL)),
        }
    }

    /// Begins a call: whether it is the first, and when it began. The first one includes the start.
    pub(super) fn begin(&mut self) -> (bool, Instant) {
        let started = if self.used {
            Instant::now()
        } else {
            self.program.started
        };
        (!std::mem::replace(&mut self.used, true), started)
    }
}

/// The launcher's reports of a call. User code can write here, too. It can forge its own end, and do no other
/// harm.
pub(super) struct Reports<'a> {
    pipe: &'a Fd,
    call: u64,
    line: Vec<u8>,
}

impl<'a> Reports<'a> {
    /// The reports of call number `call`.
    pub(super) fn of(pipe: &'a Fd, call: u64) -> Self {
        Self {
            pipe,
            call,
            line: Vec::new(),
        }
    }

    /// Waits for the exit code of the call. Notifies `ready` when its standard streams are in place. Cancel safe.
    pub(super) async fn ended(&mut self, ready: &Notify) -> i32 {
        let mut buffer = [0; MAX_REPORT_BYTES];
        loop {
            while let Some(length) = self.line.iter().position(|byte| *byte == b'\n') {
                let report = parse_report(&self.line[..length]);
                self.line.drain(..=length);
                match report.filter(|(call, _)| *call == self.call) {
                    Some((_, Report::Ended(code))) => return code,
                    Some((_, Report::Ready)) => ready.notify_one(),
                    None => {}
                }
            }
            if self.line.len() >= MAX_REPORT_BYTES {
                self.line.clear();
            }
            match self.pipe.read(&mut buffer).await {
                Ok(count) if count > 0 => self.line.extend_from_slice(&buffer[..count]),
                // What remains is the interpreter's exit, or the time limit.
                _ => pending().await,
            }
        }
    }
}

//! The resident interpreter of a session. It is started once. For each call it gets a command and reports the
//! end.

use std::{
    future::pending,
    io,
    path::Path,
    time::{Duration, Instant},
};

use isol8_protocol::{
    COMMAND_FD, CallRequest, ExitStatus, MAX_REPORT_BYTES, NO_CALL, REPORT_FD, Report, SANDBOX_DIR,
    SESSION_SCRIPT, SessionLoss, SessionPipe, parse_report,
};
use nix::{fcntl::OFlag, libc};
use tokio::{
    sync::{Notify, oneshot::error::TryRecvError},
    time::timeout,
};

use super::{
    launch::{Launch, Program, Stdio},
    pipes::{self, Pipes, clear_commands, theirs},
};
use crate::{
    failure::Failure,
    fd::Fd,
    files::write_link,
    guest::Guest,
    memory::reserve::Reserve,
    processes::{kill, reaper::Role},
};

/// Room in `/sandbox` that is kept for the program of a call, in bytes.
const SPACE_BYTES: u64 = 256 * 1024;

/// How long a shell may take to open its script.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(10);

/// What a sandbox keeps of its session.
#[derive(Default)]
pub(super) struct Session {
    pub(super) pipes: Option<Pipes>,
    /// The interpreter, while no call uses it.
    pub(super) resident: Option<Resident>,
    /// Why an interpreter with state has ended, until a report has carried it to the host.
    pub(super) loss: Option<SessionLoss>,
    /// How many processes the system had killed for their memory at the end of the last call.
    pub(super) kills: Option<u64>,
    /// Room in `/sandbox` for the program of the next call.
    space: Option<Reserve>,
    /// How many calls there were, in all interpreters.
    calls: u64,
}

impl Session {
    /// Why the state was lost since the last call of this function, if it was.
    pub(super) fn take_loss(&mut self) -> Option<SessionLoss> {
        self.loss.take()
    }

    /// Forgets everything. Call it when nothing of a user runs any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The number of the next call.
    pub(super) fn next_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// The interpreter, started with the command line of `request` if there is none that lives; its pipes; the
    /// room that is kept for its programs.
    pub(super) async fn resident(
        &mut self,
        guest: &Guest,
        request: &mut CallRequest,
    ) -> Result<(Resident, &mut Pipes, &Reserve), Failure> {
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
            if request.script.is_empty() {
                Resident::start(guest, request).await?
            } else {
                Resident::start_shell(guest, request, pipes).await?
            }
        };
        let new = || Reserve::in_directory(Path::new(SANDBOX_DIR), SPACE_BYTES);
        let space = self.space.get_or_insert_with(new);
        space.take_available();
        Ok((resident, pipes, space))
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
    async fn start(guest: &Guest, request: &mut CallRequest) -> Result<Self, Failure> {
        let preparing = |error: io::Error| Failure::system("cannot prepare the session", &error);
        let launch = Launch::new(&mut request.exec, &guest.environ)?;
        let end = |pipe, flags| theirs(pipe, flags).map_err(preparing);
        // A shell passes on what it has open to each program that it starts.
        let more = if request.script.is_empty() {
            vec![
                (end(SessionPipe::Commands, OFlag::O_RDONLY)?, COMMAND_FD),
                (end(SessionPipe::Reports, OFlag::O_WRONLY)?, REPORT_FD),
            ]
        } else {
            Vec::new()
        };
        let streams = Stdio {
            input: &end(SessionPipe::Stdin, OFlag::O_RDONLY)?,
            output: end(SessionPipe::Stdout, OFlag::O_WRONLY)?,
            error: end(SessionPipe::Stderr, OFlag::O_WRONLY)?,
            more,
        };
        let program = launch.start(guest, Role::Resident, streams).await?;
        Ok(Self {
            program,
            used: false,
        })
    }

    /// Starts a shell, and returns when it has opened its script. Only then may the program's file take the
    /// script's name: a shell shows the name with which it was started to its programs.
    async fn start_shell(
        guest: &Guest,
        request: &mut CallRequest,
        pipes: &Pipes,
    ) -> Result<Self, Failure> {
        let starting = |error: io::Error| Failure::system("cannot start the session", &error);
        pipes::begin_script(&request.script).map_err(starting)?;
        write_link(guest, &request.program, Some(SESSION_SCRIPT)).await?;
        let mut shell = Self::start(guest, request).await?;
        let opened = Notify::new();
        let mut reports = Reports::of(&pipes.reports, NO_CALL);
        let opens = async {
            tokio::select! {
                biased;
                () = opened.notified() => Ok(()),
                _ = reports.ended(&opened) => Ok(()),
                _ = &mut shell.program.ended => Err(io::Error::other("the shell ended at once")),
            }
        };
        match timeout(SCRIPT_DEADLINE, opens).await {
            Ok(Ok(())) => {
                // The program, if it is one of those that are sent ahead because they are large.
                write_link(guest, &request.program, None).await?;
                Ok(shell)
            }
            Ok(Err(error)) => Err(starting(error)),
            Err(_) => {
                kill::child(&guest.reaper, shell.program.pid, shell.program.ended).await;
                Err(starting(io::ErrorKind::TimedOut.into()))
            }
        }
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

//! An interpreter that has imported modules, and from which parked ones are forked.
//!
//! It is started while nothing of a user has run in the sandbox since its start or its reset, as the
//! sandbox user and with the capability to change its user. When it is ready it belongs to a user of
//! its own: no program can signal, trace or rename it, and a reset spares it. It runs nothing but
//! modules of the image, and learns nothing of a run. It is replaced from time to time, because its
//! children share the random numbers of its start (the secret of string hashes).

use std::{
    io::{self, IoSlice},
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use isol8_protocol::{ExecRequest, FrameKind, ParkRequest};
use nix::sys::socket::{ControlMessage, MsgFlags, SockType, sendmsg};
use tokio::time::timeout;

use super::{
    ending::Ending,
    launch::{Launch, Program, Stdio},
    output::Source,
    start::{MAX_REASON_BYTES, PipedProgram, READY_DEADLINE, output_pipe},
};
use crate::{
    failure::Failure,
    fd::{Fd, sockets, user_pipe},
    guest::Guest,
    processes::{kill, reaper::Role},
    user::filter,
};

/// What the launcher writes to standard output when it can be forked.
const NURSERY_MARK: u8 = 5; // ASCII "enquiry"

/// The variable that names [`CONTROL_FD`] to the launcher.
const VARIABLE: &str = "ISOL8_NURSERY";

/// The descriptor on which the launcher gets its orders. An order has one byte, the [filter](crate::user::filter) to
/// install if any, and three descriptors. The answer has the number of the process whose standard streams
/// these are, and the filter's listener if there is one.
const CONTROL_FD: i32 = 10;

/// Children after which a nursery is replaced.
const MAX_CHILDREN: u32 = 128;

/// Age at which it is replaced.
const MAX_AGE: Duration = Duration::from_mins(5);

/// How long a fork may take.
const FORK_DEADLINE: Duration = Duration::from_secs(5);

/// How the error output of a launcher begins when a module is the reason.
const MODULE_FAILED: &str = "preload ";

/// A process to fork from.
pub(super) struct Nursery {
    request: ParkRequest,
    program: Program,
    control: Fd,
    stdout: Source,
    stderr: Source,
    since: Instant,
    children: u32,
    /// Whether it has answered every order.
    idle: bool,
}

impl Nursery {
    /// A parked interpreter from the nursery in `slot`. The nursery is started when there is none for this
    /// request. `None` when the modules, or this system, allow no fork. A module that cannot be imported is a
    /// failure.
    ///
    /// Call [`Self::tidy`] after dropping the future.
    pub(super) async fn park(
        slot: &mut Option<Self>,
        guest: &Guest,
        request: &ParkRequest,
    ) -> Result<Option<PipedProgram>, Failure> {
        let fits = |nursery: &Self| {
            nursery.request == *request
                && nursery.children < MAX_CHILDREN
                && nursery.since.elapsed() < MAX_AGE
                && guest.reaper.is_child(nursery.program.pid)
        };
        if !slot.as_ref().is_some_and(fits) {
            if let Some(old) = slot.take() {
                old.stop(guest).await;
            }
            let Ok(started) = Self::start(guest, request).await else {
                return Ok(None);
            };
            let nursery = slot.insert(started);
            let marked = timeout(READY_DEADLINE, nursery.stdout.take_mark(NURSERY_MARK)).await;
            if marked != Ok(true) {
                let complaint = nursery.stderr.pending_text(MAX_REASON_BYTES);
                if let Some(failed) = slot.take() {
                    failed.stop(guest).await;
                }
                if complaint.contains(MODULE_FAILED) {
                    let message = format!("the interpreter did not park: {complaint}");
                    return Err(Failure::invalid(message));
                }
                return Ok(None);
            }
            guest.reaper.set_role(nursery.program.pid, Role::Nursery);
            nursery.idle = true;
        }
        let Some(nursery) = slot else { return Ok(None) };
        Ok(nursery.fork(guest).await.ok())
    }

    /// Ends a nursery whose last order was not carried out.
    pub(super) async fn tidy(slot: &mut Option<Self>, guest: &Guest) {
        if let Some(busy) = slot.take_if(|nursery| !nursery.idle) {
            busy.stop(guest).await;
        }
    }

    async fn start(guest: &Guest, request: &ParkRequest) -> Result<Self, Failure> {
        let preparing = |error: io::Error| Failure::system("cannot prepare the nursery", &error);
        let (control, theirs) = sockets(SockType::SeqPacket).map_err(preparing)?;
        let (stdout, output) = output_pipe(FrameKind::Stdout).map_err(preparing)?;
        let (stderr, error) = output_pipe(FrameKind::Stderr).map_err(preparing)?;
        let mut exec = ExecRequest {
            argv: request.launcher_argv.clone(),
            env: request.env.clone(),
            cwd: request.cwd.clone(),
            files: request.files.clone(),
            ..ExecRequest::default()
        };
        exec.env.extend(request.launcher_env.iter().cloned());
        exec.env.push((VARIABLE.to_owned(), CONTROL_FD.to_string()));
        let launch = Launch::new(&mut exec, &guest.environ)?.may_change_user();
        let stdio = Stdio {
            input: &guest.null,
            output,
            error,
            more: vec![(theirs, CONTROL_FD)],
        };
        Ok(Self {
            request: request.clone(),
            program: launch.start(guest, Role::Program, stdio).await?,
            control: Fd::new(control).map_err(preparing)?,
            stdout,
            stderr,
            since: Instant::now(),
            children: 0,
            idle: false,
        })
    }

    async fn fork(&mut self, guest: &Guest) -> Result<PipedProgram, Failure> {
        let forking = |error: io::Error| Failure::system("cannot fork the nursery", &error);
        let (input, stdin) = user_pipe().map_err(forking)?;
        let (stdout, output) = output_pipe(FrameKind::Stdout).map_err(forking)?;
        let (stderr, error) = output_pipe(FrameKind::Stderr).map_err(forking)?;
        let stdin = Fd::new(stdin).map_err(forking)?;
        self.idle = false;
        self.children += 1;
        let fds = [&input, &output, &error].map(OwnedFd::as_raw_fd);
        let filter = if guest.filters_programs {
            filter::order()
        } else {
            Vec::new()
        };
        sendmsg::<()>(
            self.control.as_fd().as_raw_fd(),
            &[IoSlice::new(b"f"), IoSlice::new(&filter)],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .map_err(|error| forking(error.into()))?;
        drop((input, output, error));
        let mut answer = [0; 16];
        let answered = timeout(FORK_DEADLINE, self.control.receive(&mut answer)).await;
        let answered = answered.map_err(|_| forking(io::ErrorKind::TimedOut.into()))?;
        let (count, listener) = answered.map_err(forking)?;
        let pid = std::str::from_utf8(&answer[..count]).ok();
        let pid = pid.and_then(|text| text.parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid > 1) else {
            return Err(forking(io::ErrorKind::InvalidData.into()));
        };
        // The fork is a child of the guest by the time that it reports to be parked. It ends before that only
        // when something is wrong.
        let ended = guest.reaper.register(pid, Role::Program);
        self.idle = true;
        Ok(PipedProgram {
            program: Program {
                pid,
                started: Instant::now(),
                ended,
                ending: listener.map(Ending::new).transpose().map_err(forking)?,
            },
            stdin,
            stdout,
            stderr,
            cpu_before: Duration::ZERO,
            memory_before: 0,
            parked: true,
        })
    }

    async fn stop(self, guest: &Guest) {
        kill::child(&guest.reaper, self.program.pid, self.program.ended).await;
    }
}

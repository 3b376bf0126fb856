//! Carries input, output and orders between a running program and the host, until the program has ended and
//! its last byte of output is sent.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::pending,
    time::{Duration, Instant},
};

use futures::{FutureExt, future::FusedFuture};
use isol8_protocol::{AfterExit, ExecRequest, ExitReport, Stdin};
use tokio::sync::{Notify, watch};

use super::{
    control,
    ending::Ending,
    input::Input,
    interruption::Interruption,
    output::{self, Source, Target},
    supervise::{Bounds, End, supervise},
};
use crate::{
    failure::RequestError,
    fd::Fd,
    guest::Guest,
    link::frames::{FrameReader, FrameWriter},
    processes::reaper::Ended,
    usage::Meter,
};

/// A started program, or a call to the session's interpreter.
pub(super) struct Running<'a, Over, Open> {
    /// The process to signal and to kill.
    pub(super) pid: i32,
    pub(super) started: Instant,
    /// Resolves when the program has ended.
    pub(super) over: Over,
    /// Reports when the program begins to end, where the system can.
    pub(super) ending: Option<Ending>,
    pub(super) after_exit: AfterExit,
    /// How the interpreter can survive when its program is ended by force.
    pub(super) interruption: Option<Interruption<'a>>,
    /// Processes that ran before. They survive when the program is ended by force.
    pub(super) earlier: BTreeSet<(i32, u64)>,
    /// Changes when a reset ends all programs.
    pub(super) end: watch::Receiver<u32>,
    pub(super) meter: Meter<'a>,
    /// The guest's end of the program's standard input; none when the program gets no input.
    pub(super) stdin: Option<Fd>,
    /// Resolves when the program has opened its standard input. The input has no end before that.
    pub(super) open: Open,
    pub(super) stdout: &'a mut Source,
    pub(super) stderr: &'a mut Source,
}

/// Serves a program until it has ended. `command` is sent to the program before its input. When the
/// host goes away, the program is killed.
pub(super) async fn until_end(
    guest: &Guest,
    request: &ExecRequest,
    running: Running<'_, impl Future<Output = Option<Ended>>, impl Future<Output = ()>>,
    command: impl Future<Output = ()>,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<End, RequestError> {
    let Running { pid, .. } = running;
    let input = Input::default();
    fill(&input, &request.stdin);
    let (kill, interrupt) = (Notify::new(), Notify::new());
    let bounds = Bounds {
        time_limit: (request.timeout_ms > 0).then(|| Duration::from_millis(request.timeout_ms)),
        after_exit: running.after_exit,
        earlier: running.earlier,
        kill: &kill,
        interrupt: &interrupt,
        interruption: running.interruption,
        end: running.end,
        ending: running.ending,
    };
    let life = supervise(
        guest,
        pid,
        running.started,
        running.over,
        bounds,
        running.meter,
    );
    let ended = Notify::new();
    let life = async {
        let end = life.await;
        input.close();
        ended.notify_one();
        end
    }
    .fuse();
    tokio::pin!(life);
    let feed = async {
        command.await;
        if let Some(stdin) = running.stdin {
            input.feed(&stdin).await;
            running.open.await;
        }
        pending::<Infallible>().await
    };
    let on_shortage = || guest.memory.give_up_own();
    let outcome = tokio::select! {
        biased;
        outcome = async {
            let target = Target::new(writer, request.output_limit, &on_shortage);
            let forward = output::forward(running.stdout, running.stderr, target, &ended);
            let (end, ()) = tokio::try_join!(life.as_mut().map(Ok), forward)?;
            Ok(end)
        } => outcome,
        // Signals are passed on until the last byte is sent.
        gone = control::obey(reader, &guest.reaper, pid, &input, &kill, &interrupt) => {
            gone.map(|never| match never {}).map_err(RequestError::from)
        }
        never = feed => match never {},
    };
    if outcome.is_err() {
        kill.notify_one();
        if !life.is_terminated() {
            life.await;
        }
    }
    outcome
}

/// Queues the input that came with the request.
fn fill(input: &Input, stdin: &Stdin) {
    match stdin {
        Stdin::Empty => {
            input.end();
            input.close();
        }
        Stdin::Inline(bytes) => {
            input.push(bytes);
            input.end();
        }
        Stdin::Stream => {}
    }
}

/// The report of a program's end. `parked`: its interpreter had been started ahead.
pub(super) fn exit_report(end: &End, stdout: &Source, stderr: &Source, parked: bool) -> ExitReport {
    ExitReport {
        status: end.status,
        timed_out: end.timed_out,
        out_of_memory: end.out_of_memory,
        parked,
        wall_us: microseconds(end.wall),
        cpu_us: microseconds(end.cpu),
        memory_bytes: end.memory_bytes,
        peak_memory_bytes: end.peak_memory_bytes,
        stdout_bytes: stdout.total(),
        stderr_bytes: stderr.total(),
        session_loss: None,
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

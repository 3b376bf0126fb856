//! An exec request from its first to its last frame.

use std::{collections::BTreeSet, convert::Infallible, io, time::Duration};

use futures::{FutureExt, future::FusedFuture};
use isol8_protocol::{AfterExit, ExecRequest, ExitReport, FrameKind, Reply, Stdin};
use tokio::sync::Notify;

use super::{
    control,
    input::Input,
    launch::{Launch, Program},
    output::{self, Source, Target},
    park::{self, Handed},
    supervise::{Bounds, End, supervise},
};
use crate::{
    failure::{Failure, RequestError},
    fd::{Fd, user_pipe},
    frames::{FrameReader, FrameWriter, StreamError},
    guest::Guest,
    kill,
    reaper::Reaper,
    usage::Meter,
};

/// Runs a program and reports its end. When the host goes away, the program is killed.
pub(crate) async fn run(
    guest: &Guest,
    mut request: ExecRequest,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    let preparing = |error: io::Error| Failure::system("cannot prepare the program", &error);
    let mut launch = Launch::new(&mut request, &guest.environ)?;
    let end = guest.end.subscribe();
    let bystanders = match request.after_exit {
        AfterExit::KillAll => BTreeSet::new(),
        AfterExit::Keep => {
            guest.services.set(true);
            kill::bystanders().map_err(preparing)?
        }
    };
    guest.egress.set(request.proxy).await?;
    let mut meter = Meter::start(&guest.memory);

    let Handed {
        program,
        stdin,
        mut stdout,
        mut stderr,
        cpu_before,
        memory_before,
        parked,
    } = match park::take(guest, &request, &mut launch).await? {
        Some(taken) => taken,
        None => park::start(guest, launch).await?,
    };
    guest.egress.serve(program.pid);
    meter.begin_with(cpu_before, memory_before);
    let input = Input::default();
    fill(&input, &request.stdin);
    // One that is empty has its end at once, without the event loop.
    let sink = (request.stdin != Stdin::Empty).then_some(stdin);

    let killing = Notify::new();
    let Program {
        pid,
        started,
        ended: over,
        ending,
    } = program;
    let bounds = Bounds {
        time_limit: (request.timeout_ms > 0).then(|| Duration::from_millis(request.timeout_ms)),
        after_exit: request.after_exit,
        bystanders,
        kill: &killing,
        end,
        ending,
    };
    let over = over.map(Result::ok);
    let life = supervise(guest, pid, started, over, bounds, meter);
    let talk = Talk {
        reaper: &guest.reaper,
        pid,
        input: &input,
        killing: &killing,
        output_limit: request.output_limit,
    };
    let feed = feed(&input, sink);
    let end = accompany(talk, reader, writer, (&mut stdout, &mut stderr), life, feed).await?;
    if request.after_exit == AfterExit::KillAll {
        guest.egress.settle().await;
    }
    let mut report = exit_report(&end, &stdout, &stderr);
    report.parked = parked;
    if request.after_exit == AfterExit::Keep {
        for stream in [stdout, stderr] {
            tokio::task::spawn_local(stream.discard());
        }
    }
    Ok(Some(Reply::Exited(report)))
}

/// What a conversation between the host and a program is about.
pub(super) struct Talk<'a> {
    pub(super) reaper: &'a Reaper,
    pub(super) pid: i32,
    pub(super) input: &'a Input,
    pub(super) killing: &'a Notify,
    pub(super) output_limit: u64,
}

/// Sends a program's output to the host and obeys the host, until the program's `life` is over and
/// the last byte is sent. When the host goes away, the program is killed.
pub(super) async fn accompany(
    talk: Talk<'_>,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    (stdout, stderr): (&mut Source, &mut Source),
    life: impl Future<Output = End>,
    feed: impl Future<Output = Infallible>,
) -> Result<End, StreamError> {
    let ended = Notify::new();
    let life = async {
        let end = life.await;
        talk.input.close();
        ended.notify_one();
        end
    }
    .fuse();
    tokio::pin!(life);
    let told = tokio::select! {
        biased;
        told = async {
            let target = Target::new(writer, talk.output_limit);
            let forward = output::forward(stdout, stderr, target, &ended);
            let (end, ()) = tokio::try_join!(life.as_mut().map(Ok), forward)?;
            Ok(end)
        } => told,
        // Signals that arrive are obeyed until the last byte is sent.
        gone = control::obey(reader, talk.reaper, talk.pid, talk.input, talk.killing) => {
            gone.map(|never| match never {})
        }
        never = feed => match never {},
    };
    if told.is_err() {
        talk.killing.notify_one();
        if !life.is_terminated() {
            life.await;
        }
    }
    told
}

/// An output stream: the guest's side and the program's.
pub(super) fn source(kind: FrameKind) -> io::Result<(Source, std::os::fd::OwnedFd)> {
    let (ours, theirs) = user_pipe()?;
    Ok((Source::new(Fd::new(ours)?, kind), theirs))
}

/// Gives a program the input that came with its request.
pub(super) fn fill(input: &Input, stdin: &Stdin) {
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

pub(super) async fn feed(input: &Input, sink: Option<Fd>) -> Infallible {
    if let Some(sink) = sink {
        input.feed(sink).await;
    }
    std::future::pending().await
}

pub(super) fn exit_report(end: &End, stdout: &Source, stderr: &Source) -> ExitReport {
    ExitReport {
        status: end.status,
        timed_out: end.timed_out,
        parked: false,
        wall_us: microseconds(end.wall),
        cpu_us: microseconds(end.cpu),
        memory_bytes: end.memory_bytes,
        peak_memory_bytes: end.peak_memory_bytes,
        stdout_bytes: stdout.total(),
        stderr_bytes: stderr.total(),
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

//! An exec request from its first to its last frame.

use std::{collections::BTreeSet, io};

use futures::FutureExt;
use isol8_protocol::{AfterExit, ExecRequest, Reply, Stdin};

use super::{
    launch::{Launch, Program},
    park,
    programs::Programs,
    relay::{Running, exit_report, until_end},
    start::{PipedProgram, start},
};
use crate::{
    failure::{Failure, RequestError},
    files::check_room,
    guest::Guest,
    link::frames::{FrameReader, FrameWriter},
    processes::{kill, spare},
    usage::Meter,
};

/// Runs a program and reports its end. When the host goes away, the program is killed.
pub(crate) async fn run(
    guest: &Guest,
    programs: &Programs,
    mut request: ExecRequest,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    let preparing = |error: io::Error| Failure::system("cannot prepare the program", &error);
    check_room(guest, &request.files)?;
    let mut launch = Launch::new(&mut request, &guest.environ)?;
    let end = guest.end.subscribe();
    let earlier = match request.after_exit {
        AfterExit::KillAll => BTreeSet::new(),
        AfterExit::Keep => {
            guest.services.send_replace(true);
            spare::hold();
            guest.memory.make_room_for_program();
            kill::earlier_processes().map_err(preparing)?
        }
    };
    guest.egress.set(request.proxy).await?;
    let mut meter = Meter::start(&guest.memory);

    let PipedProgram {
        program,
        stdin,
        mut stdout,
        mut stderr,
        cpu_before,
        memory_before,
        parked,
    } = match park::take(guest, &programs.parking, &request, &mut launch).await? {
        Some(taken) => taken,
        None => start(guest, launch).await?,
    };
    guest.egress.serve(program.pid);
    meter.begin_with(cpu_before, memory_before);
    let Program {
        pid,
        started,
        ended,
        ending,
    } = program;
    let running = Running {
        pid,
        started,
        over: ended.map(Result::ok),
        ending,
        after_exit: request.after_exit,
        interruption: None,
        earlier,
        end,
        meter,
        // Empty input is closed at once, without the event loop.
        stdin: (request.stdin != Stdin::Empty).then_some(stdin),
        open: async {},
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let end = until_end(guest, &request, running, async {}, reader, writer).await?;
    if request.after_exit == AfterExit::KillAll {
        guest.egress.settle().await;
    }
    let mut report = exit_report(&end, &stdout, &stderr, parked);
    if let Ok(mut session) = programs.session.try_lock() {
        report.session_loss = session.take_loss();
    }
    if request.after_exit == AfterExit::Keep {
        spare::hold();
        for stream in [stdout, stderr] {
            tokio::task::spawn_local(stream.discard());
        }
    }
    Ok(Some(Reply::Exited(report)))
}

//! A call to the session's interpreter, from its first to its last frame.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use isol8_protocol::{
    AfterExit, CallRequest, ErrorKind, ExitReport, ExitStatus, InlineFile, Reply, SessionLoss,
    Stdin, command,
};
use tokio::sync::Notify;

use super::{
    interruption::Interruption,
    pipes::{self, Pipes},
    programs::Programs,
    relay::{Running, exit_report, until_end},
    resident::{Reports, Resident, ended_with},
    supervise::End,
};
use crate::{
    failure::{Failure, RequestError},
    files::{user_files::check_path, write_inline},
    guest::Guest,
    link::frames::{FrameReader, FrameWriter},
    memory::reserve::Reserve,
    processes::{
        kill::{self, BeforeCall},
        reaper::Ended,
        spare,
    },
    usage::{Meter, cpu_of},
};

/// Runs a program in the session's interpreter and reports its end. When the host goes away, the
/// interpreter is killed.
pub(crate) async fn call(
    guest: &Guest,
    programs: &Programs,
    mut request: CallRequest,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    check(&request)?;
    guest.egress.set(request.exec.proxy).await?;
    let end = guest.end.subscribe();
    guest.services.send_replace(true);
    guest.memory.make_room_for_program();
    let mut session = programs.session.lock().await;
    spare::hold();
    let files = std::mem::take(&mut request.exec.files);
    let call = session.next_call();
    let (mut resident, pipes, space) = match session.resident(guest, &mut request).await {
        Ok(ready) => ready,
        Err(failure) => {
            // Without the interpreter, the host runs the program as a process of its own and counts on the files.
            if failure.kind() == ErrorKind::NotFound {
                write_inline(guest, &files, request.cwd.as_deref()).await?;
            }
            return Err(failure.into());
        }
    };
    if let Err(failure) = prepare(guest, &request, &files, space).await {
        session.resident = Some(resident);
        return Err(failure.into());
    }
    drop(files);
    let living = (&mut resident, pipes);
    let carried_out = converse(guest, (call, &request), living, end, reader, writer).await;
    space.take_available();
    spare::hold();
    let Told {
        mut report,
        end,
        lives,
    } = match carried_out {
        Ok(ended) => ended,
        Err(error) => {
            session.loss = Some(SessionLoss::Cancelled);
            return Err(error);
        }
    };
    // Nobody reads the report of a call that the host has given up.
    if !end.cancelled {
        report.session_loss = session.loss.take();
    }
    session.kills = guest.memory.kills();
    if lives {
        session.resident = Some(resident);
    } else {
        session.loss = Some(loss(&end));
    }
    Ok(Some(Reply::Exited(report)))
}

/// Writes the files of a call, its program among them.
async fn prepare(
    guest: &Guest,
    request: &CallRequest,
    files: &[InlineFile],
    space: &Reserve,
) -> Result<(), Failure> {
    let write = || write_inline(guest, files, request.cwd.as_deref());
    match write().await {
        Err(failure) if failure.kind() == ErrorKind::NoSpace && space.give_up() => {
            let written = write().await;
            // What is left of it is for the next call, and not for this program.
            space.take_available();
            written?;
        }
        written => written?,
    }
    if !request.script.is_empty() {
        pipes::shorten_script()
            .map_err(|error| Failure::system("cannot prepare the call", &error))?;
    }
    Ok(())
}

/// Checks what [`command`] relies on, and the paths.
fn check(request: &CallRequest) -> Result<(), Failure> {
    check_path(&request.program)?;
    if let Some(directory) = &request.cwd {
        check_path(directory)?;
    }
    for file in &request.exec.files {
        check_path(&file.path)?;
    }
    for (name, value) in &request.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            // The value may be a secret, so the failure does not repeat it.
            return Err(Failure::invalid(format!(
                "not an environment variable: {name:?}"
            )));
        }
    }
    Ok(())
}

/// How a call ended.
struct Told {
    end: End,
    report: ExitReport,
    /// Whether the interpreter lives on.
    lives: bool,
}

/// Why the interpreter does not live on.
fn loss(end: &End) -> SessionLoss {
    match end.status {
        _ if end.timed_out => SessionLoss::TimedOut,
        // An interpreter may end by the interruption itself.
        _ if end.by_force || end.cancelled => SessionLoss::Cancelled,
        status => ended_with(status, end.out_of_memory),
    }
}

/// Sends the command to the interpreter, and waits for the end of the call.
async fn converse(
    guest: &Guest,
    (call, request): (u64, &CallRequest),
    (resident, pipes): (&mut Resident, &mut Pipes),
    end: tokio::sync::watch::Receiver<u32>,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<Told, RequestError> {
    let preparing = |error: io::Error| Failure::system("cannot prepare the call", &error);
    let (first, started) = resident.begin();
    pipes.stdout.restart();
    pipes.stderr.restart();
    let pid = resident.program.pid;
    let BeforeCall { of_others, all } = kill::before_call(pid).map_err(preparing)?;
    let interruption = Interruption {
        reaper: &guest.reaper,
        pid,
        call,
        commands: &pipes.commands,
        before: all,
    };
    let meter = Meter::start(&guest.memory);
    let cpu_before = if first { Duration::ZERO } else { cpu_of(pid) };
    let stdin = pipes::input().map_err(preparing)?;
    let ready = Notify::new();

    let reported = Cell::new(false);
    let mut reports = Reports::of(&pipes.reports, call);
    let over = async {
        tokio::select! {
            biased;
            code = reports.ended(&ready) => {
                reported.set(true);
                Some(Ended {
                    status: ExitStatus::Code(code),
                    at: Instant::now(),
                    max_rss_bytes: 0,
                })
            }
            ended = &mut resident.program.ended => ended.ok(),
        }
    };
    let running = Running {
        pid,
        started,
        over,
        ending: None,
        after_exit: AfterExit::Keep,
        interruption: request.interrupts.then_some(interruption),
        earlier: of_others,
        end,
        meter,
        stdin: Some(stdin),
        open: ready.notified(),
        stdout: &mut pipes.stdout,
        stderr: &mut pipes.stderr,
    };
    let CallRequest {
        program, cwd, env, ..
    } = request;
    let command = command(call, program, cwd.as_deref(), env);
    let commands = &pipes.commands;
    let order = async {
        // An interpreter that has ended takes no command. `supervise` notices its end.
        let _ = commands.write_all(&command).await;
        drop(command);
    };
    let end = until_end(guest, &request.exec, running, order, reader, writer).await?;
    let lives = reported.get() && !end.by_force;
    if end.timed_out || end.cancelled {
        pipes::clear_commands().map_err(preparing)?;
    }
    if request.exec.stdin != Stdin::Empty {
        pipes.clear_input().map_err(preparing)?;
    }
    let cpu_after = if lives { cpu_of(pid) } else { Duration::ZERO };
    let end = End {
        cpu: (end.cpu + cpu_after).saturating_sub(cpu_before),
        ..end
    };
    let report = exit_report(&end, &pipes.stdout, &pipes.stderr, false);
    Ok(Told { end, report, lives })
}

//! A call to the session's interpreter, from its first to its last frame.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use isol8_protocol::{AfterExit, CallRequest, ExitStatus, Reply, Stdin, command};

use super::{
    relay::{Running, exit_report, until_end},
    resident::Resident,
    supervise::End,
};
use crate::{
    failure::{Failure, RequestError},
    files::write_inline,
    frames::{FrameReader, FrameWriter},
    guest::Guest,
    kill,
    reaper::Ended,
    usage::{Meter, cpu_of},
    user_files::check_path,
};

/// Runs a program in the session's interpreter and reports its end. When the host goes away, the
/// interpreter is killed.
pub(crate) async fn call(
    guest: &Guest,
    mut request: CallRequest,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    check(&request)?;
    guest.egress.set(request.exec.proxy).await?;
    let end = guest.end.subscribe();
    guest.services.set(true);
    let mut session = guest.resident.lock().await;
    let files = std::mem::take(&mut request.exec.files);
    write_inline(guest, &files, request.cwd.as_deref()).await?;
    drop(files);
    let mut living = session.take();
    if living.as_mut().is_some_and(|resident| !resident.is_alive())
        && let Some(ended) = living.take()
    {
        ended.discard();
    }
    let mut resident = match living {
        Some(resident) => resident,
        None => Resident::start(guest, &mut request.exec).await?,
    };
    let (report, lives) = converse(guest, &request, &mut resident, end, reader, writer).await?;
    if lives {
        *session = Some(resident);
    } else {
        resident.discard();
    }
    Ok(Some(report))
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

/// Tells the interpreter what to run and listens until it has. Returns the reply, and whether the
/// interpreter lives on.
async fn converse(
    guest: &Guest,
    request: &CallRequest,
    resident: &mut Resident,
    end: tokio::sync::watch::Receiver<u32>,
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
) -> Result<(Reply, bool), RequestError> {
    let preparing = |error: io::Error| Failure::system("cannot prepare the call", &error);
    let (call, started) = resident.begin();
    let pid = resident.program.pid;
    let earlier = kill::earlier_processes_but_of(pid).map_err(preparing)?;
    let meter = Meter::start(&guest.memory);
    let cpu_before = if call == 1 {
        Duration::ZERO
    } else {
        cpu_of(pid)
    };
    let has_input = request.exec.stdin != Stdin::Empty;
    let open = || resident.stdin.open().map_err(preparing);
    let stdin = has_input.then(open).transpose()?;

    let reported = Cell::new(false);
    let over = async {
        tokio::select! {
            biased;
            code = resident.reports.of(call) => {
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
        earlier,
        end,
        meter,
        stdin,
        stdout: &mut resident.stdout,
        stderr: &mut resident.stderr,
    };
    let CallRequest {
        program,
        cwd,
        env,
        lead,
        ..
    } = request;
    let command = command(lead, call, program, cwd.as_deref(), env);
    let commands = &resident.commands;
    let order = async {
        // An interpreter that has ended takes no command; its end is noticed elsewhere.
        let _ = commands.write_all(&command).await;
        drop(command);
    };
    let end = until_end(guest, &request.exec, running, order, reader, writer).await?;
    let lives = reported.get() && !end.by_force;
    if lives && has_input {
        resident.stdin.clear().map_err(preparing)?;
    }
    let cpu_after = if lives { cpu_of(pid) } else { Duration::ZERO };
    let end = End {
        cpu: (end.cpu + cpu_after).saturating_sub(cpu_before),
        ..end
    };
    let report = exit_report(&end, &resident.stdout, &resident.stderr, false);
    Ok((Reply::Exited(report), lives))
}

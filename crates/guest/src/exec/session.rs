//! A call to the session's interpreter, from its first to its last frame.

use std::{cell::Cell, io, path::Path, time::Duration};

use isol8_protocol::{AfterExit, CallRequest, ExitStatus, Reply, Stdin, command};
use tokio::sync::Notify;

use super::{
    input::Input,
    resident::Resident,
    run::{Talk, accompany, exit_report, feed, fill},
    supervise::{Bounds, End, supervise},
};
use crate::{
    as_user::Helper,
    failure::{Failure, RequestError},
    frames::{FrameReader, FrameWriter},
    guest::Guest,
    kill,
    reaper::Ended,
    usage::{Meter, cpu_of},
    user_files::{check_path, make_directory, replace},
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
    if let Some(failed) = prepare(guest, &mut request).await? {
        return Ok(Some(failed));
    }
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

/// Writes the files of a call and makes its working directory. Returns a reply when that failed.
async fn prepare(guest: &Guest, request: &mut CallRequest) -> Result<Option<Reply>, RequestError> {
    let files = std::mem::take(&mut request.exec.files);
    let directory = request.cwd.as_deref();
    if files.is_empty() && directory.is_none() {
        return Ok(None);
    }
    let helper = Helper::start(&guest.reaper, &guest.null, |_, _| {
        for file in &files {
            replace(&file.path, |target| {
                io::Write::write_all(target, &file.data).map(|()| true)
            })?;
        }
        if let Some(directory) = directory {
            make_directory(directory, Path::new(directory))?;
        }
        Ok(Reply::Done)
    });
    let helper = helper.map_err(|error| Failure::system("cannot start to write files", &error))?;
    match helper.answer().await {
        Reply::Done => Ok(None),
        failed => Ok(Some(failed)),
    }
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
    let bystanders = kill::bystanders_of(pid).map_err(preparing)?;
    let meter = Meter::start(&guest.memory);
    let cpu_before = if call == 1 {
        Duration::ZERO
    } else {
        cpu_of(pid)
    };

    let input = Input::default();
    fill(&input, &request.exec.stdin);
    let has_input = request.exec.stdin != Stdin::Empty;
    let open = || resident.stdin.open().map_err(preparing);
    let sink = has_input.then(open).transpose()?;

    let killing = Notify::new();
    let limit = request.exec.timeout_ms;
    let bounds = Bounds {
        time_limit: (limit > 0).then(|| Duration::from_millis(limit)),
        after_exit: AfterExit::Keep,
        bystanders,
        kill: &killing,
        end,
        ending: None,
    };
    let reported = Cell::new(false);
    let over = async {
        tokio::select! {
            biased;
            code = resident.reports.of(call) => {
                reported.set(true);
                Some(Ended {
                    status: ExitStatus::Code(code),
                    at: std::time::Instant::now(),
                    max_rss_bytes: 0,
                })
            }
            ended = &mut resident.program.ended => ended.ok(),
        }
    };
    let life = supervise(guest, pid, started, over, bounds, meter);
    let talk = Talk {
        reaper: &guest.reaper,
        pid,
        input: &input,
        killing: &killing,
        output_limit: request.exec.output_limit,
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
    let tell = async {
        // An interpreter that has ended takes no command; its end is noticed elsewhere.
        let _ = commands.write_all(&command).await;
        drop(command);
        feed(&input, sink).await
    };
    let streams = (&mut resident.stdout, &mut resident.stderr);
    let end = accompany(talk, reader, writer, streams, life, tell).await?;
    let lives = reported.get() && !end.by_force;
    if lives && has_input {
        resident.stdin.clear().map_err(preparing)?;
    }
    let cpu_after = if lives { cpu_of(pid) } else { Duration::ZERO };
    let end = End {
        cpu: (end.cpu + cpu_after).saturating_sub(cpu_before),
        ..end
    };
    let report = exit_report(&end, &resident.stdout, &resident.stderr);
    Ok((Reply::Exited(report), lives))
}

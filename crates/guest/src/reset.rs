//! Resets the sandbox: kills every process, empties every writable place, and verifies both.

use std::{fs, time::Duration};

use isol8_protocol::{ErrorKind, Reply, ResetReport, SESSION_DIR};
use tokio::time::timeout;

use crate::{
    exec::{Programs, empty_session_files},
    failure::Failure,
    guest::Guest,
    processes::{helper::Helper, kill, reaper::Role, tree},
    user::rights::with_rights_of_user,
    writable::sweep::{sweep, sweep_few},
};

/// How long running requests may take to end and to send their last messages to the host.
const END_DEADLINE: Duration = Duration::from_secs(1);

/// Resets the sandbox. Nothing else runs meanwhile.
pub(crate) async fn run(guest: &Guest, programs: &Programs) -> Reply {
    let room = guest.memory.room_for_work();
    let reaped_before = guest.reaper.reaped();
    guest
        .end
        .send_modify(|count| *count = count.wrapping_add(1));
    let alone = timeout(END_DEADLINE, guest.gate.write()).await;
    let _alone = if let Ok(alone) = alone {
        alone
    } else {
        guest
            .abandon
            .send_modify(|count| *count = count.wrapping_add(1));
        guest.gate.write().await
    };
    programs.clear_session().await;
    guest.egress.close().await;
    let nursery = || guest.reaper.pids(Role::Nursery);
    if nursery().is_empty() {
        // A process that came from outside is no descendant. So the absence of children does not prove enough.
        kill::send_to_all();
    }
    if !kill::everything(&guest.reaper).await {
        return left_behind();
    }
    if let Some(place) = guest.unknown_mounts.first() {
        let message = "a reset cannot restore what is mounted there";
        return Failure::new(ErrorKind::NotClean, place, message).into_reply();
    }
    if !guest.sockets.ended().await {
        let message = "connections are left of programs that have ended";
        return Failure::new(ErrorKind::NotClean, "", message).into_reply();
    }
    let processes = guest.reaper.reaped().wrapping_sub(reaped_before);

    room.renew();
    let mut entries = 0;
    let is_swept =
        guest.ipc.are_empty() && with_rights_of_user(|| sweep_few(&guest.places, &mut entries));
    if !is_swept {
        match sweep_all(guest).await {
            Reply::Reset(report) => entries += report.entries,
            failed => return failed,
        }
    }
    if guest.can_have_session
        && let Err(error) = empty_session_files()
    {
        return Failure::os(SESSION_DIR, "cannot empty the session's files", &error).into_reply();
    }
    match guest.volumes.restore() {
        Ok(removed) => entries += removed,
        Err(failure) => return failure.into_reply(),
    }
    if !is_alone(&nursery()) {
        return left_behind();
    }
    programs.clear_parking();
    guest.services.send_replace(false);
    guest.heap.trim();
    guest.memory.end_session();
    Reply::Reset(ResetReport { processes, entries })
}

/// Whether no process exists but the guest and those of the nursery.
fn is_alone(nursery: &[i32]) -> bool {
    let spared = |process: &tree::Process| nursery.contains(&process.pid);
    (nursery.is_empty() && kill::is_alone())
        || matches!(tree::list_exactly(), Ok((processes, true)) if processes.iter().all(spared))
}

/// Empties the writable places in a child that has become the user.
async fn sweep_all(guest: &Guest) -> Reply {
    let helper = Helper::start(&guest.reaper, &guest.null, |_, _| sweep(&guest.places));
    match helper {
        Ok(helper) => helper.answer().await,
        Err(error) => Failure::system("cannot start to reset", &error).into_reply(),
    }
}

/// The reply for a sandbox with processes that do not end. It names them.
fn left_behind() -> Reply {
    let names = tree::list().unwrap_or_default().into_iter().map(|process| {
        let name = fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
        format!("{} ({})", process.pid, name.trim_end())
    });
    let names = names.collect::<Vec<_>>().join(", ");
    Failure::new(
        ErrorKind::NotClean,
        "",
        format!("processes are left: {names}"),
    )
    .into_reply()
}

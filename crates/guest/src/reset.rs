//! Making the sandbox as new: end what runs, empty what can be written, prove both.

use std::{fs, time::Duration};

use isol8_protocol::{ErrorKind, Reply, ResetReport};
use nix::libc;
use tokio::time::timeout;

use crate::{
    as_user::Helper, failure::Failure, guest::Guest, kill, reaper::Role, sweep::sweep, tree,
};

/// How long running requests may take to end, and their last words to reach the host.
const END_DEADLINE: Duration = Duration::from_secs(1);

/// Resets the sandbox. Nothing else runs meanwhile.
pub(crate) async fn run(guest: &Guest) -> Reply {
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
    drop(guest.resident.lock().await.take());
    guest.egress.close().await;
    let nursery = || guest.reaper.pids(Role::Nursery);
    if nursery().is_empty() {
        // One that came from outside is no descendant, so the absence of children proves nothing yet.
        kill::send_to_all();
    }
    if !kill::everything(&guest.reaper).await {
        return left_behind();
    }
    if !guest.sockets.ended().await {
        let message = "connections are left of programs that have ended";
        return Failure::new(ErrorKind::NotClean, "", message).into_reply();
    }
    let processes = guest.reaper.reaped().wrapping_sub(reaped_before);

    let helper = Helper::start(&guest.reaper, &guest.null, |_, _| sweep(&guest.roots));
    let swept = match helper {
        Ok(helper) => helper.answer().await,
        Err(error) => return Failure::system("cannot start to reset", &error).into_reply(),
    };
    let Reply::Reset(report) = swept else {
        return swept;
    };
    let nursery = nursery();
    let spared = |process: &tree::Process| nursery.contains(&process.pid);
    if !matches!(tree::list(), Ok(processes) if processes.iter().all(spared)) {
        return left_behind();
    }
    guest.parking.clear();
    guest.services.set(false);
    // SAFETY: gives memory that nothing uses back to the system; no argument is involved.
    unsafe { libc::malloc_trim(0) };
    Reply::Reset(ResetReport {
        processes,
        entries: report.entries,
    })
}

/// A sandbox with processes that do not die; names them.
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

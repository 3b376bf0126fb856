//! Watches a started program: its exit, its time limit, its end by force, and what it used.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::pending,
    mem::replace,
    time::{Duration, Instant},
};

use isol8_protocol::{AfterExit, ExitStatus};
use nix::libc;
use tokio::{
    sync::{Notify, watch},
    time::{interval, sleep, timeout},
};

use super::{
    ending::{Ending, status_of},
    interruption::{Interruption, grace},
};
use crate::{
    guest::Guest,
    memory::RoomForWork,
    processes::{
        kill::{self, KILL_DEADLINE},
        reaper::{Ended, Role},
    },
    usage::{Meter, SAMPLE_INTERVAL, cpu_clock},
};

/// What the system does to a process for its memory, and the guest at a time limit.
const KILLED: ExitStatus = ExitStatus::Signal(libc::SIGKILL);

/// Time between two checks of the sockets and locks of processes that programs have left running.
const SERVICE_INTERVAL: Duration = Duration::from_millis(500);

/// How a program's life is bounded.
pub(super) struct Bounds<'a> {
    pub(super) time_limit: Option<Duration>,
    pub(super) after_exit: AfterExit,
    /// Processes that ran before and are not the program's.
    pub(super) earlier: BTreeSet<(i32, u64)>,
    /// The host wants the program killed.
    pub(super) kill: &'a Notify,
    /// The host gives the program up, and would keep its interpreter.
    pub(super) interrupt: &'a Notify,
    /// How the interpreter is kept, where it can be.
    pub(super) interruption: Option<Interruption<'a>>,
    /// The sandbox is about to be reset.
    pub(super) end: watch::Receiver<u32>,
    /// Reports when the program begins to end. The report to the host need not wait longer than that.
    pub(super) ending: Option<Ending>,
}

/// How a program ended, and what it used.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true for a reason of its own"
)]
pub(super) struct End {
    pub(super) status: ExitStatus,
    pub(super) timed_out: bool,
    /// Whether the system killed a process for its memory, or the guest for memory that is not counted.
    pub(super) out_of_memory: bool,
    /// Whether the host gave it up.
    pub(super) cancelled: bool,
    /// Whether it had to be killed.
    pub(super) by_force: bool,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) memory_bytes: u64,
    pub(super) peak_memory_bytes: u64,
}

/// Waits for the end of a program, or brings it about. Must not be dropped before it is done.
///
/// `over` resolves at its end. `pid` is the process to kill, which may be more than the program.
pub(super) async fn supervise(
    guest: &Guest,
    pid: i32,
    started: Instant,
    over: impl Future<Output = Option<Ended>>,
    mut bounds: Bounds<'_>,
    mut meter: Meter<'_>,
) -> End {
    tokio::pin!(over);
    let grace = bounds
        .interruption
        .as_ref()
        .map_or(Duration::ZERO, |_| grace(bounds.time_limit));
    let limit = wait_for(bounds.time_limit.map(|limit| limit.saturating_sub(grace)));
    tokio::pin!(limit);
    let mut interrupting = None;
    let mut ending = bounds
        .ending
        .filter(|_| bounds.after_exit == AfterExit::KillAll);
    if ending.is_some() {
        meter.watch(Some(pid));
    }
    let mut samples = interval(SAMPLE_INTERVAL);
    let (mut timed_out, mut cancelled, mut overdrawn, mut has_begun) = (false, false, false, false);
    let mut collected = true;
    let mut ended = loop {
        tokio::select! {
            biased;
            ended = &mut over => break ended,
            () = begins(ending.as_ref()) => {
                guest.reaper.keep(pid, ending.take().map(Ending::into));
                // It has given up its memory, or is about to.
                meter.watch(None);
                meter.sample();
                let known = meter.has_seen_memory() && meter.leaves_room();
                if known && let Some(status) = ends_alone(guest, pid) {
                    collected = false;
                    break Some(Ended { status, at: Instant::now(), max_rss_bytes: 0 });
                }
            }
            () = &mut limit => {
                timed_out = !cancelled;
                if interrupting.is_some() {
                    break None;
                }
                let Some(interruption) = &bounds.interruption else {
                    break None;
                };
                interrupting = Some(Box::pin(interruption.interrupt(grace)));
                limit.set(wait_for(Some(grace)));
            }
            () = bounds.interrupt.notified() => {
                if interrupting.is_none() {
                    cancelled = true;
                    limit.set(wait_for(Some(Duration::ZERO)));
                }
            }
            never = interrupts(&mut interrupting) => match never {},
            () = bounds.kill.notified() => {
                cancelled = true;
                break None;
            }
            _ = bounds.end.changed() => break None,
            _ = samples.tick() => {
                meter.sample();
                // It is out of memory that is not counted. A program that begins is not held up by the check.
                if replace(&mut has_begun, true) && guest.is_overdrawn() {
                    overdrawn = true;
                    break None;
                }
            }
        }
    };
    let memory = meter.sample();
    let out_of_memory = overdrawn || is_out_of_memory(guest, &meter, ended.as_ref());
    let uncollected = if collected {
        Duration::ZERO
    } else {
        cpu_clock(pid)
    };
    let rest = match ended {
        // Nothing is left to be killed, and to wait for the end is for the next reset.
        Some(_) if !collected => Rest::Nothing,
        _ if overdrawn => Rest::All, // The owner of a socket is not known.
        _ => rest_to_kill(pid, ended.as_ref(), out_of_memory, bounds.after_exit),
    };
    if matches!(rest, Rest::Nothing)
        && interrupting.take().is_some()
        && let Some(interruption) = &bounds.interruption
    {
        interruption.end_others().await;
    }
    let _room = kill_rest(guest, rest, pid, &bounds.earlier).await;
    let by_force = ended.is_none();
    if by_force {
        ended = timeout(KILL_DEADLINE, over).await.ok().flatten();
    }
    let peak_memory_bytes = meter.peak(ended.map_or(0, |ended| ended.max_rss_bytes));
    End {
        // A process that takes longer is dead all the same.
        status: ended.map_or(KILLED, |ended| ended.status),
        timed_out,
        out_of_memory,
        cancelled,
        by_force,
        wall: ended.map_or_else(|| started.elapsed(), |ended| ended.at - started),
        cpu: meter.cpu(uncollected),
        memory_bytes: memory.unwrap_or(peak_memory_bytes),
        peak_memory_bytes,
    }
}

async fn wait_for(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}

async fn interrupts(
    interrupting: &mut Option<impl Future<Output = Infallible> + Unpin>,
) -> Infallible {
    match interrupting {
        Some(interrupting) => interrupting.await,
        None => pending().await,
    }
}

/// Ends what a session's programs have left running when that has too many sockets or locks. Programs that run
/// are looked after by [`supervise`].
pub(crate) async fn limit_services(guest: &Guest) -> Infallible {
    let mut services = guest.services.subscribe();
    loop {
        // An idle sandbox is not woken.
        if services.wait_for(|running| *running).await.is_err() {
            pending::<()>().await;
        }
        sleep(SERVICE_INTERVAL).await;
        if guest.is_overdrawn() {
            kill::all_programs(&guest.reaper).await;
        }
    }
}

/// What is to be killed when a program is over.
enum Rest {
    All,
    /// The program and what it has started.
    Program,
    Nothing,
}

/// What is to be killed of a program that has `ended`, or that is to end by force.
fn rest_to_kill(
    pid: i32,
    ended: Option<&Ended>,
    out_of_memory: bool,
    after_exit: AfterExit,
) -> Rest {
    match (after_exit, ended) {
        (AfterExit::KillAll, _) => Rest::All,
        (AfterExit::Keep, None) => Rest::Program,
        (AfterExit::Keep, Some(Ended { status: KILLED, .. })) if out_of_memory => {
            // What the program has started would go on to fill what is left. At first without a list of
            // the processes, which takes memory.
            kill::send_to_group(pid);
            Rest::Program
        }
        (AfterExit::Keep, Some(_)) => Rest::Nothing,
    }
}

/// Kills what is to be killed. Returns the room for the guest's work after that.
async fn kill_rest<'a>(
    guest: &'a Guest,
    rest: Rest,
    pid: i32,
    earlier: &BTreeSet<(i32, u64)>,
) -> RoomForWork<'a> {
    let room = guest.memory.room_for_work();
    match rest {
        Rest::All => {
            kill::all_programs(&guest.reaper).await;
        }
        Rest::Program => {
            kill::program(&guest.reaper, pid, earlier).await;
        }
        Rest::Nothing => return room,
    }
    // Processes that fill memory may have taken the room until they were killed.
    room.renew();
    room
}

/// Whether the system has killed a process for its memory. Where it does not count them, hardly any memory is
/// left after the kill of the program.
fn is_out_of_memory(guest: &Guest, meter: &Meter<'_>, ended: Option<&Ended>) -> bool {
    meter.has_seen_kill().unwrap_or_else(|| {
        matches!(ended, Some(Ended { status: KILLED, .. })) && guest.memory.is_short()
    })
}

async fn begins(ending: Option<&Ending>) {
    match ending {
        Some(ending) => ending.begun().await,
        None => pending().await,
    }
}

/// How the program `pid` ends, whose last process has begun to, when nothing that its report needs is
/// still to come.
fn ends_alone(guest: &Guest, pid: i32) -> Option<ExitStatus> {
    let roles = [Role::Program, Role::Resident].map(|role| guest.reaper.pids(role));
    // Others are to be killed, and their output is to be waited for.
    let alone = roles.concat() == [pid] && !*guest.services.borrow();
    // The next program elsewhere must not find a port of this one in use, and a connection to the proxy
    // that the program leaves open is part of the log.
    let silent = guest.sockets.are_own() && guest.egress.is_quiet();
    if alone && silent {
        status_of(pid)
    } else {
        None
    }
}

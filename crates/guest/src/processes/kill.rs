//! Kills all processes, or one program with all processes that it started.

use std::{collections::BTreeSet, io, time::Duration};

use nix::{
    errno::Errno,
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::{
    reaper::{Ended, Reaper, Role},
    tree,
};

/// How long killed processes may take to disappear. A process that waits for a broken device may take longer.
/// It can do nothing meanwhile.
pub(crate) const KILL_DEADLINE: Duration = Duration::from_secs(2);

/// Time between two checks for killed processes that still exist, unless one ends before.
const KILL_INTERVAL: Duration = Duration::from_millis(1);

/// Rounds that spare helpers and the nursery before these are killed, too. Only a program that multiplies
/// faster than it can be listed needs that many.
const SPARING_ROUNDS: usize = 64;

/// Sends a signal. A process that no longer exists is no failure.
pub(crate) fn send(pid: i32, signal: Signal) {
    let _ = signal::kill(Pid::from_raw(pid), signal);
}

/// Kills the process group of a program that has just ended. A process that has left the group lives on.
pub(crate) fn send_to_group(program: i32) {
    let _ = signal::killpg(Pid::from_raw(program), Signal::SIGKILL);
}

/// Kills every process but the guest at once. The kernel lets no process start meanwhile.
pub(crate) fn send_to_all() {
    send(-1, Signal::SIGKILL);
}

/// Whether the guest is the only process. Then the kernel finds no process to send a signal to, not even one
/// that has ended and was not collected.
pub(crate) fn is_alone() -> bool {
    signal::kill(Pid::from_raw(-1), None) == Err(Errno::ESRCH)
}

/// Kills every process but the guest and a nursery, and waits until they are gone. Returns whether
/// they are.
pub(crate) async fn everything(reaper: &Reaper) -> bool {
    everything_but(reaper, &[Role::Nursery]).await
}

/// The same, but spares the guest's helpers.
pub(crate) async fn all_programs(reaper: &Reaper) -> bool {
    everything_but(reaper, &[Role::Helper, Role::Nursery]).await
}

async fn everything_but(reaper: &Reaper, spared: &[Role]) -> bool {
    let deadline = Instant::now() + KILL_DEADLINE;
    let mut round = 0;
    let mut killed = BTreeSet::new();
    // Without children of any kind no other process exists.
    while reaper.collect() {
        // Looked up in each round, because helpers may start and end while this waits.
        let roles = if round < SPARING_ROUNDS { spared } else { &[] };
        let spared = roles.iter().flat_map(|role| reaper.pids(*role));
        let spared = spared.collect::<Vec<_>>();
        if spared.is_empty() {
            send_to_all();
        } else {
            let Ok((mut programs, exact)) = tree::list_exactly() else {
                return false;
            };
            programs.retain(|process| !spared.contains(&process.pid));
            for program in &programs {
                send(program.pid, Signal::SIGKILL);
            }
            if programs.is_empty() && exact && reaper.pids(Role::Program).is_empty() {
                return true;
            }
            // Waiting for killed processes does not count as a round, because it takes long on a busy machine.
            let known = killed.len();
            killed.extend(programs.into_iter().map(tree::Process::identity));
            round += usize::from(killed.len() > known || !exact);
        }
        if Instant::now() >= deadline {
            return false;
        }
        pause(reaper).await;
    }
    true
}

/// Kills a child of the guest's and waits until it is gone.
pub(crate) async fn child(reaper: &Reaper, pid: i32, ended: oneshot::Receiver<Ended>) {
    if reaper.is_child(pid) {
        send(pid, Signal::SIGKILL);
        let _ = timeout(KILL_DEADLINE, ended).await;
    }
}

/// The processes that exist before a program starts. They survive when the program is killed.
pub(crate) fn earlier_processes() -> io::Result<BTreeSet<(i32, u64)>> {
    Ok(tree::list()?
        .into_iter()
        .map(tree::Process::identity)
        .collect())
}

/// What is there before a call to the interpreter of a session.
pub(crate) struct BeforeCall {
    /// Outlives the end of the interpreter by force: what that one has not started.
    pub(crate) of_others: BTreeSet<(i32, u64)>,
    /// Outlives an interruption of the call: every process but the interpreter.
    pub(crate) all: BTreeSet<(i32, u64)>,
}

/// What is there before a call to the interpreter `resident`.
pub(crate) fn before_call(resident: i32) -> io::Result<BeforeCall> {
    let processes = tree::list()?;
    let own = tree::belonging_to(resident, &processes, &BTreeSet::new(), false);
    let but = |spared: &dyn Fn(i32) -> bool| {
        processes
            .iter()
            .filter(|process| !spared(process.pid))
            .map(|process| process.identity())
            .collect()
    };
    Ok(BeforeCall {
        of_others: but(&|pid| own.contains(&pid)),
        all: but(&|pid| pid == resident),
    })
}

/// Kills the program `main` and the processes that it started, but none of the `earlier` ones.
pub(crate) async fn program(reaper: &Reaper, main: i32, earlier: &BTreeSet<(i32, u64)>) -> bool {
    let deadline = Instant::now() + KILL_DEADLINE;
    while Instant::now() < deadline {
        if reaper.is_child(main) {
            send(main, Signal::SIGKILL);
        }
        match members(reaper, main, earlier) {
            Ok(members) if members.is_empty() => return true,
            Ok(members) => kill_all(reaper, &members).await,
            Err(_) => return false,
        }
    }
    false
}

/// The same, with `main` itself spared.
pub(crate) async fn rest_of_program(reaper: &Reaper, main: i32, earlier: &BTreeSet<(i32, u64)>) {
    let deadline = Instant::now() + KILL_DEADLINE;
    while Instant::now() < deadline {
        let Ok(mut members) = members(reaper, main, earlier) else {
            return;
        };
        members.retain(|pid| *pid != main);
        if members.is_empty() {
            return;
        }
        kill_all(reaper, &members).await;
    }
}

/// The program `main` and all that it started, without the `earlier` processes and what the guest itself
/// has started.
fn members(reaper: &Reaper, main: i32, earlier: &BTreeSet<(i32, u64)>) -> io::Result<Vec<i32>> {
    let processes = tree::list()?;
    let programs = reaper.pids(Role::Program);
    let spared = [Role::Helper, Role::Resident, Role::Nursery]
        .map(|role| reaper.pids(role))
        .concat();
    let mut others = earlier.clone();
    let started_by_us = programs.iter().chain(&spared).filter(|pid| **pid != main);
    let started_by_us = started_by_us.collect::<Vec<_>>();
    others.extend(
        processes
            .iter()
            .filter(|process| started_by_us.contains(&&process.pid))
            .map(|process| process.identity()),
    );
    let only = programs.iter().all(|pid| *pid == main);
    Ok(tree::belonging_to(main, &processes, &others, only))
}

async fn kill_all(reaper: &Reaper, pids: &[i32]) {
    for pid in pids {
        send(*pid, Signal::SIGKILL);
    }
    reaper.collect();
    pause(reaper).await;
}

async fn pause(reaper: &Reaper) {
    tokio::select! {
        () = reaper.changed() => {}
        () = sleep(KILL_INTERVAL) => {}
    }
}

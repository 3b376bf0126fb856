//! Limits how many record locks (`fcntl`) there are. The kernel takes about 190 bytes for each, and no control group
//! counts them.
//!
//! Such a lock ends when its process closes any descriptor of the file. So the list of a process's descriptors shows
//! all of its locks: the guest's [filter](crate::user::filter) sees to the exceptions. `flock` and leases have one lock for
//! each open file, and so the limit of open files is theirs.

mod known;
mod living;
mod look;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

use self::{known::Known, living::Living, look::Look};
use crate::{
    memory::Memory,
    processes::reaper::Reaper,
    usage::SAMPLE_INTERVAL,
    user::{self, rights::with_rights_of_user},
};

/// Locks that a sandbox may have. A connection to a database of `SQLite` has about ten at most. All of them are less than
/// a mebibyte, and to list them takes about 10 ms.
const MOST: u64 = 4096;

/// A process is left alone for this many times as long as the last look at it took.
const PAUSE_FACTOR: u32 = 10;

/// How long the guest looks before it goes on with its other work.
const TURN: Duration = Duration::from_millis(10);

/// CPU time of the guest for one look at all processes. With some ten microseconds for each, these are about 100,000
/// open files. More are found where many of them are of one file with thousands of locks.
const MOST_WORK: Duration = Duration::from_secs(1);

/// CPU time of processes that the guest cannot look at: those whose program's file the user may not read.
const MOST_HIDDEN: Duration = Duration::from_millis(200);

/// Time between two looks while memory is short, and before the first of them.
const SHORT_INTERVAL: Duration = Duration::from_secs(1);

/// What is known of the locks.
pub(crate) struct Locks(RefCell<State>);

struct State {
    /// When the guest looked last.
    looked: Instant,
    /// Since when memory is short, as far as the guest has seen.
    short_since: Option<Instant>,
    living: Living,
    known: BTreeMap<i32, Known>,
    /// Processes that are still to be looked at, the last one first.
    due: Vec<Look>,
    /// CPU time of the guest since `due` was empty.
    work: Duration,
}

impl Locks {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(State::new()))
    }

    /// Looks at the processes that have worked since the last look. Returns whether there are more locks than the
    /// sandbox may have, or more than can be counted.
    ///
    /// To open files takes memory. Where the guest is not protected, the kernel could kill it for that when memory has
    /// just become full. So the guest waits then, looks less often, and gives up its reserve for it.
    pub(crate) fn are_too_many(&self, memory: &Memory, reaper: &Reaper) -> bool {
        let mut state = self.0.borrow_mut();
        let is_short = memory.is_short();
        if !state.may_look(is_short) {
            return false;
        }
        let _room = is_short.then(|| memory.room_for_work());
        // A process that ends meanwhile has no locks.
        let living = state.living.of_programs(reaper).unwrap_or_default();
        state.choose(&living);
        with_rights_of_user(|| state.work());
        let are_too_many = state.are_too_many();
        if are_too_many {
            // The processes are about to be killed.
            *state = State::new();
        }
        state.looked = Instant::now();
        are_too_many
    }
}

impl State {
    fn new() -> Self {
        Self {
            looked: Instant::now(),
            short_since: None,
            living: Living::default(),
            known: BTreeMap::new(),
            due: Vec::new(),
            work: Duration::ZERO,
        }
    }

    /// Whether it is time for a look.
    fn may_look(&mut self, is_short: bool) -> bool {
        if !is_short {
            self.short_since = None;
            return self.looked.elapsed() >= SAMPLE_INTERVAL / 2;
        }
        let since = *self.short_since.get_or_insert_with(Instant::now);
        since.max(self.looked).elapsed() >= SHORT_INTERVAL
    }

    /// Notes which processes are due, unless some are left from the last time.
    fn choose(&mut self, living: &BTreeMap<i32, Duration>) {
        self.known.retain(|pid, _| living.contains_key(pid));
        if !self.due.is_empty() {
            return;
        }
        self.work = Duration::ZERO;
        let now = Instant::now();
        for (pid, cpu) in living {
            let known = self.known.entry(*pid).or_insert_with(|| Known::at(now));
            if *cpu < known.cpu {
                // Another process has the number now.
                *known = Known::at(now);
            }
            if known.is_due(*cpu, now) {
                self.due.push(Look::new(*pid, *cpu));
            }
        }
    }

    /// Looks at what is due, for one turn.
    fn work(&mut self) {
        let (began, cpu_began) = (Instant::now(), own_cpu());
        while began.elapsed() < TURN
            && let Some(look) = self.due.last_mut()
        {
            let started = Instant::now();
            let done = look.go_on(began + TURN);
            look.took += started.elapsed();
            let known = self.known.entry(look.pid);
            let known = known.or_insert_with(|| Known::at(started));
            known.is_hidden = done.is_err();
            known.locks = known.locks.max(look.locks);
            if !matches!(done, Ok(false)) {
                known.locks = look.locks;
                known.cpu = look.cpu;
                known.next = Instant::now() + look.took * PAUSE_FACTOR;
                self.due.pop();
            }
        }
        self.work += own_cpu().saturating_sub(cpu_began);
    }

    fn are_too_many(&self) -> bool {
        let locks = self.known.values().map(|known| known.locks);
        let hidden = self.known.iter().filter(|(_, known)| known.is_hidden);
        // The guest's own children are hidden, too, and have another real user.
        let hidden =
            hidden.filter(|(pid, known)| known.cpu > MOST_HIDDEN / 10 && is_of_user(**pid));
        let hidden: Duration = hidden.map(|(_, known)| known.cpu).sum();
        locks.fold(0, u64::saturating_add) > MOST || self.work > MOST_WORK || hidden > MOST_HIDDEN
    }
}

/// Whether a process has the user of programs as its real one.
fn is_of_user(pid: i32) -> bool {
    let status = fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    let mut lines = status.split(|byte| *byte == b'\n');
    let ids = lines.find_map(|line| line.strip_prefix(b"Uid:\t"));
    let real = ids.and_then(|ids| ids.split(u8::is_ascii_whitespace).next());
    real.is_some_and(|real| real == user::id().to_string().as_bytes())
}

/// CPU time of the guest.
fn own_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::{known::WORTH_A_LOOK, *};
    use crate::usage::cpu_clock;

    #[test]
    fn locks_and_work_and_hidden_processes_have_limits() {
        let mut state = State::new();
        for pid in [-2, -3] {
            let known = Known {
                locks: MOST / 2,
                ..Known::at(Instant::now())
            };
            state.known.insert(pid, known);
        }
        assert!(!state.are_too_many());
        state.work = MOST_WORK + Duration::from_nanos(1);
        assert!(state.are_too_many());
        state.work = Duration::ZERO;
        state.known.get_mut(&-2).unwrap().locks += 1;
        assert!(state.are_too_many());
    }

    #[test]
    fn while_memory_has_just_become_short_there_is_no_look() {
        let mut state = State::new();
        let long_ago = Instant::now().checked_sub(2 * SHORT_INTERVAL).unwrap();
        state.looked = long_ago;
        assert!(state.may_look(false));
        assert!(!state.may_look(true));
        state.short_since = Some(long_ago);
        assert!(state.may_look(true));
        state.looked = Instant::now();
        assert!(!state.may_look(true), "once in a while");
        state.looked = long_ago;
        assert!(state.may_look(false));
        assert!(!state.may_look(true), "it has become short again");
    }

    #[test]
    fn processes_that_have_ended_are_forgotten_and_new_ones_are_looked_at_once_they_worked() {
        let mut state = State::new();
        state.known.insert(-2, Known::at(Instant::now()));
        let own = nix::unistd::getpid().as_raw();
        let began = cpu_clock(own);
        while cpu_clock(own).saturating_sub(began) < WORTH_A_LOOK {}
        state.choose(&BTreeMap::from([(own, cpu_clock(own))]));
        assert!(!state.known.contains_key(&-2));
        assert_eq!(
            state.due.iter().map(|look| look.pid).collect::<Vec<_>>(),
            [own]
        );
    }
}

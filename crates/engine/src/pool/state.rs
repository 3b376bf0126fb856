//! The pool's decisions, as a pure state machine.
//!
//! A sandbox is *clean* (ready), *dirty* (used, waiting to be reset), being *created* or *cleaned* by
//! a task, or lent out. Every method takes what happened and returns what is to be done.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use isol8_api::options::PoolStrategy;

/// How long a sandbox above the configured size stays, once a burst of work is over.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Programs in a row that must have found a parked interpreter before fewer are kept ahead.
const CALM: u32 = 64;

/// Resets that run at once when nobody waits for one, so that they do not slow running programs.
const BACKGROUND_RESETS: usize = 1;

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action<S, W> {
    /// Start a sandbox, then call [`State::created`].
    Create,
    /// Reset this sandbox, then call [`State::cleaned`].
    Clean(S),
    /// Remove this sandbox.
    Destroy(S),
    /// Hand this sandbox to this waiter.
    Give(W, S),
    /// Tell this waiter that the start that was made for it failed.
    Fail(W),
}

/// The sizes and the strategy of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) strategy: PoolStrategy,
    /// How many clean sandboxes to keep ready.
    pub(super) clean: usize,
    /// How many used ones to keep beyond these.
    pub(super) dirty: usize,
    /// Whether a used sandbox may be used again at all.
    pub(super) reusable: bool,
    /// Whether interpreters are parked in them.
    pub(super) parks: bool,
}

/// The state of one pool. `S` is a sandbox, `W` somebody who waits for one.
pub(super) struct State<S, W> {
    rules: Rules,
    clean: Vec<(Instant, S)>,
    dirty: VecDeque<S>,
    waiters: VecDeque<W>,
    creating: usize,
    cleaning: usize,
    /// How many more than configured are kept clean, because programs came before the interpreters
    /// that were being parked for them; at most as many as may be dirty.
    ahead: usize,
    /// Programs in a row that found one parked.
    calm: u32,
    /// Nothing is kept any more. Callers are still served.
    retired: bool,
    closed: bool,
}

/// What the pool wants to know of a sandbox.
pub(super) trait Parked {
    /// How far its interpreter is; 0 without one.
    fn readiness(&self) -> u8;
    /// Whether its interpreter waits for its program.
    fn is_parked(&self) -> bool;
}

impl<S: Parked, W> State<S, W> {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            clean: Vec::new(),
            dirty: VecDeque::new(),
            waiters: VecDeque::new(),
            creating: 0,
            cleaning: 0,
            ahead: 0,
            calm: 0,
            retired: false,
            closed: false,
        }
    }

    /// Somebody needs a sandbox.
    pub(super) fn acquire(&mut self, waiter: W) -> Vec<Action<S, W>> {
        // One whose interpreter waits, or soon will; else the most recently used one, the warmest.
        let readiness = |(_, (_, sandbox)): &(usize, &(Instant, S))| sandbox.readiness();
        let readiest = self.clean.iter().enumerate().max_by_key(readiness);
        let found = readiest.map(|(at, (_, sandbox))| (at, sandbox.is_parked()));
        self.follow_load(found.is_some_and(|(_, parked)| parked));
        if let Some((at, _)) = found {
            let (_, sandbox) = self.clean.remove(at);
            return vec![Action::Give(waiter, sandbox)];
        }
        self.waiters.push_back(waiter);
        if let Some(sandbox) = self.dirty.pop_front() {
            self.cleaning += 1;
            return vec![Action::Clean(sandbox)];
        }
        // A sandbox on its way serves one waiter; a reset takes milliseconds, so it is waited for.
        if self.waiters.len() > self.creating + self.cleaning {
            self.creating += 1;
            return vec![Action::Create];
        }
        Vec::new()
    }

    /// Keeps more of them ahead while programs come faster than interpreters are parked.
    fn follow_load(&mut self, parked: bool) {
        if !self.rules.parks {
            return;
        }
        if parked {
            self.calm += 1;
            if self.calm >= CALM {
                (self.calm, self.ahead) = (0, self.ahead.saturating_sub(1));
            }
        } else {
            self.calm = 0;
            self.ahead = (self.ahead + 1).min(self.rules.dirty);
        }
    }

    /// It is a good time to make sandboxes ahead of need: at the start, and some time after one
    /// was taken. With `room` the host has memory for more than the configured number.
    pub(super) fn refill(&mut self, room: bool) -> Vec<Action<S, W>> {
        if !self.lacks_one(room) {
            return Vec::new();
        }
        self.creating += 1;
        vec![Action::Create]
    }

    /// Whether [`Self::refill`] would make one.
    pub(super) fn lacks_one(&self, room: bool) -> bool {
        let ready = self.clean.len() + self.dirty.len() + self.creating + self.cleaning;
        let ahead = if room { self.ahead } else { 0 };
        let wanted = self.rules.clean + ahead + self.waiters.len();
        !self.closed && !self.retired && ready < wanted
    }

    /// A start has ended, with a sandbox or without.
    pub(super) fn created(&mut self, sandbox: Option<S>, now: Instant) -> Vec<Action<S, W>> {
        self.creating -= 1;
        match sandbox {
            Some(sandbox) => self.ready(sandbox, now),
            // One waiter gets the failure. The others have starts of their own.
            None if self.waiters.len() > self.creating + self.cleaning => self
                .waiters
                .pop_front()
                .map(Action::Fail)
                .into_iter()
                .collect(),
            None => Vec::new(),
        }
    }

    /// A lease has ended.
    pub(super) fn released(&mut self, sandbox: S) -> Vec<Action<S, W>> {
        if self.closed || self.retired || !self.rules.reusable {
            return vec![Action::Destroy(sandbox)];
        }
        self.dirty.push_back(sandbox);
        self.clean_next()
    }

    /// A sandbox that was given to somebody who no longer waited is still clean.
    pub(super) fn returned_unused(&mut self, sandbox: S, now: Instant) -> Vec<Action<S, W>> {
        self.ready(sandbox, now)
    }

    /// A reset has ended, with a clean sandbox, or with one that had to be destroyed.
    pub(super) fn cleaned(&mut self, sandbox: Option<S>, now: Instant) -> Vec<Action<S, W>> {
        self.cleaning -= 1;
        let mut actions = match sandbox {
            Some(sandbox) => self.ready(sandbox, now),
            None if self.waiters.len() > self.creating + self.cleaning => {
                self.creating += 1;
                vec![Action::Create]
            }
            None => Vec::new(),
        };
        actions.extend(self.clean_next());
        actions
    }

    /// Whether the next program has another sandbox than one that is being reset, so that this one can
    /// be given an interpreter first.
    pub(super) fn can_spare_one(&self) -> bool {
        self.waiters.is_empty() && !self.clean.is_empty()
    }

    /// Whether more interpreters wait than the next program takes.
    pub(super) fn is_ahead(&self) -> bool {
        let parked = self.clean.iter().filter(|(_, sandbox)| sandbox.is_parked());
        parked.count() > 1
    }

    /// What waits in the clean sandboxes is out of date.
    pub(super) fn renew(&mut self) -> Vec<Action<S, W>> {
        self.cleaning += self.clean.len();
        let clean = self.clean.drain(..);
        clean.map(|(_, sandbox)| Action::Clean(sandbox)).collect()
    }

    /// Removes what is above the configured size and has not been needed for [`LINGER`].
    pub(super) fn trim(&mut self, now: Instant) -> Vec<Action<S, W>> {
        let keep = self.rules.clean + self.rules.dirty;
        let surplus = (self.clean.len() + self.dirty.len()).saturating_sub(keep);
        let idle = self
            .clean
            .iter()
            .filter(|(since, _)| now.duration_since(*since) >= LINGER);
        let old = idle.count().min(surplus);
        // The least recently used ones come first.
        self.clean
            .drain(..old)
            .map(|(_, sandbox)| Action::Destroy(sandbox))
            .collect()
    }

    /// Whether a later [`Self::trim`] could find something.
    pub(super) fn has_surplus(&self) -> bool {
        self.clean.len() + self.dirty.len() + self.cleaning > self.rules.clean + self.rules.dirty
    }

    /// How many sandboxes wait here for a program.
    pub(super) fn idle(&self) -> usize {
        self.clean.len() + self.dirty.len()
    }

    /// Nothing is kept from now on: idle sandboxes go, those lent out go when they come back, and those
    /// who wait are served.
    pub(super) fn retire(&mut self) -> Vec<Action<S, W>> {
        self.retired = true;
        self.give_back()
    }

    /// Idle sandboxes go. The next caller gets a new one.
    pub(super) fn give_back(&mut self) -> Vec<Action<S, W>> {
        let clean = self.clean.drain(..).map(|(_, sandbox)| sandbox);
        clean
            .chain(self.dirty.drain(..))
            .map(Action::Destroy)
            .collect()
    }

    /// The pool ends: idle sandboxes go, those lent out go when they come back.
    pub(super) fn close(&mut self) -> Vec<Action<S, W>> {
        self.closed = true;
        let mut actions = self.retire();
        actions.extend(self.waiters.drain(..).map(Action::Fail));
        actions
    }

    /// A sandbox is clean: for the first who waits, or to keep.
    fn ready(&mut self, sandbox: S, now: Instant) -> Vec<Action<S, W>> {
        if let Some(waiter) = self.waiters.pop_front() {
            return vec![Action::Give(waiter, sandbox)];
        }
        if self.closed || self.retired {
            return vec![Action::Destroy(sandbox)];
        }
        self.clean.push((now, sandbox));
        Vec::new()
    }

    /// Starts resets: for waiters at once, otherwise in the background and only in the fast pool.
    fn clean_next(&mut self) -> Vec<Action<S, W>> {
        let mut actions = Vec::new();
        loop {
            let unserved = self.waiters.len() > self.cleaning;
            let in_background =
                self.rules.strategy == PoolStrategy::Fast && self.cleaning < BACKGROUND_RESETS;
            if !(unserved || in_background) {
                return actions;
            }
            let Some(sandbox) = self.dirty.pop_front() else {
                return actions;
            };
            self.cleaning += 1;
            actions.push(Action::Clean(sandbox));
        }
    }
}

#[cfg(test)]
mod tests;

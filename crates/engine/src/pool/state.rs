//! The pool's decisions, as a pure state machine.
//!
//! A sandbox is *clean* (ready), *dirty* (used, waiting to be reset), being *created* or *cleaned* by
//! a task, or lent out. Every method takes what happened and returns what is to be done.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::options::PoolStrategy;

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
    /// was taken. `room` says whether the host has memory for more than the configured number.
    pub(super) fn refill(&mut self, room: bool) -> Vec<Action<S, W>> {
        let ready = self.clean.len() + self.dirty.len() + self.creating + self.cleaning;
        let ahead = if room { self.ahead } else { 0 };
        if self.closed || ready >= self.rules.clean + ahead + self.waiters.len() {
            return Vec::new();
        }
        self.creating += 1;
        vec![Action::Create]
    }

    /// A start has ended, with a sandbox or without.
    pub(super) fn created(&mut self, sandbox: Option<S>, now: Instant) -> Vec<Action<S, W>> {
        self.creating -= 1;
        match sandbox {
            Some(sandbox) => self.ready(sandbox, now),
            // One waiter hears of the failure; the others have starts of their own.
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
        if self.closed || !self.rules.reusable {
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

    /// The pool ends: idle sandboxes go, those lent out go when they come back.
    pub(super) fn close(&mut self) -> Vec<Action<S, W>> {
        self.closed = true;
        let clean = self.clean.drain(..).map(|(_, sandbox)| sandbox);
        let mut actions: Vec<_> = clean
            .chain(self.dirty.drain(..))
            .map(Action::Destroy)
            .collect();
        actions.extend(self.waiters.drain(..).map(Action::Fail));
        actions
    }

    /// A sandbox is clean: for the first who waits, or to keep.
    fn ready(&mut self, sandbox: S, now: Instant) -> Vec<Action<S, W>> {
        if let Some(waiter) = self.waiters.pop_front() {
            return vec![Action::Give(waiter, sandbox)];
        }
        if self.closed {
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
mod tests {
    use super::{Action::*, *};

    /// Those above 100 are parked, those above 50 nearly so.
    impl Parked for u32 {
        fn readiness(&self) -> u8 {
            u8::from(*self > 50) + u8::from(*self > 100)
        }

        fn is_parked(&self) -> bool {
            *self > 100
        }
    }

    #[test]
    fn a_parked_sandbox_is_preferred_and_then_the_last_used_one() {
        let mut pool = state(PoolStrategy::Fast);
        for sandbox in [1, 101, 51, 102, 2] {
            pool.returned_unused(sandbox, Instant::now());
        }
        for (waiter, sandbox) in [('a', 102), ('b', 101), ('c', 51), ('d', 2), ('e', 1)] {
            assert_eq!(pool.acquire(waiter), [Give(waiter, sandbox)]);
        }
    }

    fn state(strategy: PoolStrategy) -> State<u32, char> {
        State::new(Rules {
            strategy,
            clean: 1,
            dirty: 1,
            reusable: true,
            parks: false,
        })
    }

    #[test]
    fn first_caller_gets_the_sandbox_that_is_made_for_it() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.acquire('a'), [Create]);
        assert_eq!(pool.created(Some(1), Instant::now()), [Give('a', 1)]);
    }

    #[test]
    fn fast_resets_at_once_and_hands_out_the_clean_one() {
        let mut pool = state(PoolStrategy::Fast);
        let now = Instant::now();
        pool.acquire('a');
        pool.created(Some(1), now);
        assert_eq!(pool.released(1), [Clean(1)]);
        assert_eq!(pool.cleaned(Some(1), now), []);
        assert_eq!(pool.acquire('b'), [Give('b', 1)]);
    }

    #[test]
    fn one_that_is_reset_can_be_spared_when_there_is_another() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.released(1), [Clean(1)]);
        assert!(!pool.can_spare_one(), "the next program comes to this one");
        pool.returned_unused(2, Instant::now());
        assert!(pool.can_spare_one());
        assert_eq!(pool.acquire('a'), [Give('a', 2)]);
        pool.acquire('b');
        assert!(!pool.can_spare_one());
    }

    #[test]
    fn secure_resets_when_a_sandbox_is_needed() {
        let mut pool = state(PoolStrategy::Secure);
        assert_eq!(pool.released(1), []);
        assert_eq!(pool.acquire('a'), [Clean(1)]);
        assert_eq!(pool.cleaned(Some(1), Instant::now()), [Give('a', 1)]);
    }

    #[test]
    fn a_caller_waits_for_a_reset_rather_than_for_a_new_sandbox() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.released(1), [Clean(1)]);
        assert_eq!(pool.acquire('a'), []);
        assert_eq!(pool.cleaned(Some(1), Instant::now()), [Give('a', 1)]);
    }

    #[test]
    fn a_failed_reset_is_replaced_for_the_one_who_waits() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.released(1), [Clean(1)]);
        assert_eq!(pool.acquire('a'), []);
        assert_eq!(pool.cleaned(None, Instant::now()), [Create]);
        assert_eq!(pool.created(Some(2), Instant::now()), [Give('a', 2)]);
    }

    #[test]
    fn a_failed_start_reaches_one_waiter_and_no_more() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.acquire('a'), [Create]);
        assert_eq!(pool.acquire('b'), [Create]);
        assert_eq!(pool.created(None, Instant::now()), [Fail('a')]);
        assert_eq!(pool.created(Some(1), Instant::now()), [Give('b', 1)]);
    }

    #[test]
    fn waiters_are_served_in_order_of_arrival() {
        let mut pool = state(PoolStrategy::Fast);
        for waiter in ['a', 'b', 'c'] {
            assert_eq!(pool.acquire(waiter), [Create]);
        }
        for (sandbox, waiter) in [(7, 'a'), (8, 'b'), (9, 'c')] {
            assert_eq!(
                pool.created(Some(sandbox), Instant::now()),
                [Give(waiter, sandbox)]
            );
        }
    }

    #[test]
    fn refill_keeps_the_configured_number_ready_and_no_more() {
        let mut pool = state(PoolStrategy::Fast);
        assert_eq!(pool.refill(true), [Create]);
        assert_eq!(pool.refill(true), []);
        assert_eq!(pool.created(Some(1), Instant::now()), []);
        assert_eq!(pool.refill(true), []);
        assert_eq!(pool.acquire('a'), [Give('a', 1)]);
        assert_eq!(pool.refill(true), [Create]);
    }

    #[test]
    fn what_is_out_of_date_is_reset_and_stays() {
        let mut pool = state(PoolStrategy::Fast);
        let now = Instant::now();
        pool.returned_unused(1, now);
        assert_eq!(pool.renew(), [Clean(1)]);
        assert_eq!(pool.refill(true), []);
        assert_eq!(pool.acquire('a'), []);
        assert_eq!(pool.cleaned(Some(1), now), [Give('a', 1)]);
    }

    #[test]
    fn more_are_kept_ahead_while_programs_come_too_soon_and_there_is_room() {
        let mut pool: State<u32, char> = State::new(Rules {
            strategy: PoolStrategy::Fast,
            clean: 1,
            dirty: 2,
            reusable: true,
            parks: true,
        });
        let now = Instant::now();
        pool.returned_unused(1, now);
        assert_eq!(pool.acquire('a'), [Give('a', 1)]);
        pool.returned_unused(101, now);
        assert_eq!(pool.refill(false), []);
        assert_eq!(pool.refill(true), [Create]);
        pool.created(Some(102), now);
        for _ in 0..CALM {
            assert_eq!(pool.refill(true), []);
            assert_eq!(pool.acquire('b'), [Give('b', 102)]);
            pool.returned_unused(102, now);
        }
        pool.acquire('c');
        assert_eq!(pool.refill(true), []);
    }

    #[test]
    fn a_burst_is_kept_for_a_while_and_then_trimmed_to_size() {
        let mut pool = state(PoolStrategy::Fast);
        let now = Instant::now();
        for sandbox in 0..4 {
            pool.acquire('x');
            pool.created(Some(sandbox), now);
        }
        for sandbox in 0..4 {
            pool.released(sandbox);
        }
        for sandbox in 0..4 {
            pool.cleaned(Some(sandbox), now);
        }
        assert!(pool.has_surplus());
        assert_eq!(pool.trim(now), []);
        assert_eq!(pool.trim(now + LINGER), [Destroy(0), Destroy(1)]);
        assert!(!pool.has_surplus());
        assert_eq!(pool.trim(now + LINGER), []);
    }

    #[test]
    fn what_cannot_be_proved_clean_is_destroyed() {
        let rules = Rules {
            strategy: PoolStrategy::Fast,
            clean: 1,
            dirty: 1,
            reusable: false,
            parks: false,
        };
        let mut pool: State<u32, char> = State::new(rules);
        assert_eq!(pool.released(1), [Destroy(1)]);
    }

    #[test]
    fn closing_destroys_everything_now_or_when_it_comes_back() {
        let mut pool = state(PoolStrategy::Fast);
        pool.refill(true);
        pool.created(Some(1), Instant::now());
        assert_eq!(pool.acquire('a'), [Give('a', 1)]);
        pool.refill(true);
        assert_eq!(pool.acquire('b'), []);
        assert_eq!(pool.close(), [Fail('b')]);
        assert_eq!(pool.released(1), [Destroy(1)]);
        assert_eq!(pool.created(Some(2), Instant::now()), [Destroy(2)]);
        assert_eq!(pool.refill(true), []);
    }
}

//! Carries out what `state` decides, in background tasks.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use isol8_protocol::ResetReport;
use tracing::Instrument as _;

use super::{
    handle::{Pool, Waiter},
    park::{Attempt, Parking},
    state::{Action, LINGER},
};
use crate::{
    error::EngineError,
    sandbox::{Begun, Parker, Sandbox},
};

/// How long after the last sandbox was taken the next one is made: long enough that a short program has
/// ended and its sandbox is back, so that no start competes with it for the processor.
const REFILL_DELAY: Duration = Duration::from_millis(150);

/// How long programs that follow one another without a pause can put that off.
const REFILL_PATIENCE: Duration = Duration::from_secs(2);

/// How many of them can. A longer series pays for the start once, and gains by it in each program after that.
const REFILL_PROGRAMS: usize = 10;

/// How long a reset may take before the sandbox is given up.
const RESET_TIMEOUT: Duration = Duration::from_secs(5);

impl Pool {
    /// Runs `task` in the background. The pool waits for it at its end. Its lines in the log are of what began it.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task.in_current_span());
    }

    pub(super) fn carry_out(&self, actions: Vec<Action<Sandbox, Waiter>>) {
        for action in actions {
            match action {
                Action::Create => self.spawn_create(),
                Action::Clean(sandbox) => self.spawn_clean(sandbox),
                Action::Destroy(sandbox) => self.spawn_destroy(sandbox),
                Action::Fail(waiter) => {
                    let _ = waiter.send(Err(EngineError::Stopped));
                }
                Action::Give(waiter, sandbox) => {
                    // Somebody who no longer waits leaves the sandbox to the next.
                    if let Err(Ok(sandbox)) = waiter.send(Ok(sandbox)) {
                        self.put_back(sandbox);
                    }
                }
            }
        }
    }

    fn put_back(&self, sandbox: Sandbox) {
        let actions = self.state().returned_unused(sandbox, Instant::now());
        self.carry_out(actions);
    }

    fn spawn_create(&self) {
        let pool = self.clone();
        self.spawn(async move {
            // Not cut short by the end of the pool, which waits until what was begun is removed.
            let actions = match Sandbox::start(&pool.0.backend, &pool.0.spec).await {
                Ok(sandbox) => {
                    let parker = sandbox.parker();
                    let actions = pool.state().created(Some(sandbox), Instant::now());
                    pool.park_if_kept(parker, &actions);
                    actions
                }
                Err(error) => {
                    tracing::debug!(%error, "a sandbox did not start");
                    let mut actions = pool.state().created(None, Instant::now());
                    // The waiter that fails gets the reason.
                    if let Some(at) = actions
                        .iter()
                        .position(|action| matches!(action, Action::Fail(_)))
                        && let Action::Fail(waiter) = actions.swap_remove(at)
                    {
                        let _ = waiter.send(Err(error));
                    }
                    actions
                }
            };
            pool.carry_out(actions);
        });
    }

    fn spawn_clean(&self, sandbox: Sandbox) {
        let pool = self.clone();
        self.spawn(async move {
            let version = || pool.0.parking.as_ref().map(Parking::version);
            let before = version();
            let reset = tokio::time::timeout(RESET_TIMEOUT, pool.reset(&sandbox)).await;
            let (clean, parks) = match reset {
                Ok(Ok(parks)) => (Some(sandbox), parks),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "sandbox is not clean, destroying it");
                    pool.spawn_destroy(sandbox);
                    (None, false)
                }
                Err(_) => {
                    tracing::debug!("reset took too long, destroying the sandbox");
                    pool.spawn_destroy(sandbox);
                    (None, false)
                }
            };
            let parker = clean.as_ref().and_then(Sandbox::parker);
            let actions = pool.state().cleaned(clean, Instant::now());
            if !parks {
                pool.park_if_kept(parker, &actions);
            }
            pool.carry_out(actions);
            // Other modules may have been named since, and what was reset then is not among the clean.
            if parks && version() != before {
                let actions = pool.state().renew();
                pool.carry_out(actions);
            }
            pool.trim_later();
        });
    }

    /// Resets a sandbox. When the next program has another one, the interpreter is asked for at the same
    /// time; returns whether it is.
    async fn reset(&self, sandbox: &Sandbox) -> Result<bool, EngineError> {
        let parking = self.0.parking.as_ref();
        let parking = parking.filter(|_| self.state().can_spare_one());
        let attempt = parking.and_then(|parking| parking.attempt(self.state().is_ahead()));
        let (request, attempt) = attempt.unzip();
        let (resetting, begun) = sandbox.reset(request).await?;
        let begun = attempt.zip(begun).zip(sandbox.parker());
        let parks = begun.is_some();
        if let Some((begun, parker)) = begun {
            self.spawn_parking(parker, Some(begun));
        }
        let ResetReport { processes, entries } = resetting.finish().await?;
        tracing::debug!(
            container = sandbox.id(),
            processes,
            entries,
            "sandbox reset"
        );
        Ok(parks)
    }

    /// Starts an interpreter in a sandbox that became clean, unless its program is there already.
    fn park_if_kept(&self, parker: Option<Parker>, actions: &[Action<Sandbox, Waiter>]) {
        let goes = |action: &Action<_, _>| matches!(action, Action::Give(..) | Action::Destroy(_));
        if let Some(parker) = parker.filter(|_| !actions.iter().any(goes)) {
            self.spawn_parking(parker, None);
        }
    }

    /// Parks in the background until the pool ends, if it does park; `begun` was asked for already.
    fn spawn_parking(&self, parker: Parker, begun: Option<(Attempt, Begun)>) {
        if self.0.parking.is_none() {
            return;
        }
        let pool = self.clone();
        self.spawn(async move {
            let Some(parking) = &pool.0.parking else {
                return;
            };
            tokio::select! {
                () = parking.park(parker, begun, || pool.state().is_ahead()) => {}
                () = pool.0.closing.cancelled() => {}
            }
        });
    }

    fn spawn_destroy(&self, sandbox: Sandbox) {
        self.spawn(async move {
            if let Err(error) = sandbox.destroy().await {
                tracing::debug!(%error, "sandbox was not removed");
            }
        });
    }

    pub(super) fn refill_later(&self) {
        let before = self.0.taken.fetch_add(1, Ordering::Relaxed);
        if self.0.refill_waits.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = Arc::downgrade(&self.0);
        let closing = self.0.closing.clone();
        let refill = async move {
            let latest = tokio::time::Instant::now() + REFILL_PATIENCE;
            let mut taken = None;
            while let Some(inner) = pool.upgrade() {
                let pool = Self(inner);
                let seen = pool.0.taken.load(Ordering::Relaxed);
                let is_long = seen.wrapping_sub(before) > REFILL_PROGRAMS
                    || tokio::time::Instant::now() >= latest;
                if taken != Some(seen) && !is_long {
                    taken = Some(seen);
                    drop(pool);
                    tokio::select! {
                        () = tokio::time::sleep(REFILL_DELAY) => continue,
                        () = closing.cancelled() => return,
                    }
                }
                pool.0.refill_waits.store(false, Ordering::Release);
                // Beyond what the user asked for, nothing that the machine has no memory for.
                let free = pool.0.backend.capacity().free_memory;
                let room = free.is_some_and(|free| free > pool.0.spec.memory_bytes);
                if pool.state().lacks_one(room) && (pool.0.wanted)().await {
                    let actions = pool.state().refill(room);
                    pool.carry_out(actions);
                }
                return;
            }
        };
        tokio::spawn(refill.in_current_span());
    }

    /// Runs a janitor while there is more than the configured size.
    fn trim_later(&self) {
        if !self.state().has_surplus() || self.0.janitor_runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let weak = Arc::downgrade(&self.0);
        let closing = self.0.closing.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(LINGER / 4) => {}
                    () = closing.cancelled() => return,
                }
                let Some(inner) = weak.upgrade() else { return };
                let pool = Self(inner);
                let actions = pool.state().trim(Instant::now());
                pool.carry_out(actions);
                if !pool.state().has_surplus() {
                    pool.0.janitor_runs.store(false, Ordering::Release);
                    return;
                }
            }
        });
    }
}

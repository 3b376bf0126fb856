//! Carries out what `state` decides, in background tasks.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use isol8_protocol::ResetReport;
use tokio::sync::oneshot;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::{
    memory::host_memory,
    park::{Attempt, Busy, Parking, program_runs},
    state::{Action, LINGER, Parked, Rules, State},
};
use crate::{
    backend::{Backend, SandboxSpec},
    error::EngineError,
    options::{PoolSize, PoolStrategy},
    plan::ParkPlan,
    sandbox::{Begun, Parker, Sandbox},
};

/// How long after a sandbox was taken the next one is made: long enough that a short program has
/// ended and its sandbox is back, so that no start competes with it for the processor.
const REFILL_DELAY: Duration = Duration::from_millis(150);

/// How long a reset may take before the sandbox is given up.
const RESET_TIMEOUT: Duration = Duration::from_secs(5);

/// What a pool needs to know.
pub struct PoolConfig {
    /// What its sandboxes are made of.
    pub spec: SandboxSpec,
    /// When used sandboxes are reset.
    pub strategy: PoolStrategy,
    /// How many are kept.
    pub size: PoolSize,
    /// What to start in them ahead of programs.
    pub park: Option<ParkPlan>,
}

impl Parked for Sandbox {
    fn readiness(&self) -> u8 {
        Self::readiness(self)
    }

    fn is_parked(&self) -> bool {
        Self::is_parked(self)
    }
}

type Waiter = oneshot::Sender<Result<Sandbox, EngineError>>;

struct Inner {
    backend: Arc<dyn Backend>,
    spec: SandboxSpec,
    parking: Option<Parking>,
    state: Mutex<State<Sandbox, Waiter>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    refill_waits: AtomicBool,
    janitor_runs: AtomicBool,
}

/// Sandboxes of one kind. Dropping the last handle ends them.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

/// A sandbox lent out by a pool; it goes back when dropped.
pub struct Lease {
    sandbox: Option<Sandbox>,
    pool: Pool,
    _busy: Busy,
    /// Makes [`Pool::close`] wait for this lease.
    _running: TaskTrackerToken,
}

impl Pool {
    /// An empty pool. Nothing is started until something is asked for.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, config: PoolConfig) -> Self {
        let rules = Rules {
            strategy: config.strategy,
            clean: config.size.clean,
            dirty: config.size.dirty,
            reusable: config.spec.is_reusable(),
            parks: config.park.is_some(),
        };
        Self(Arc::new(Inner {
            backend,
            spec: config.spec,
            parking: config.park.map(Parking::new),
            state: Mutex::new(State::new(rules)),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            refill_waits: false.into(),
            janitor_runs: false.into(),
        }))
    }

    /// Makes the configured number of sandboxes ready and waits for them.
    pub async fn prewarm(&self) -> Result<(), EngineError> {
        loop {
            let actions = self.state().refill(false);
            if actions.is_empty() {
                return Ok(());
            }
            // The slot is taken; whatever becomes of the start must be told to the state.
            let sandbox = Sandbox::start(&self.0.backend, &self.0.spec).await;
            let (sandbox, outcome) = match sandbox {
                Ok(sandbox) => {
                    if let (Some(parking), Some(parker)) = (&self.0.parking, sandbox.parker()) {
                        parking.park(parker, None).await;
                    }
                    (Some(sandbox), Ok(()))
                }
                Err(error) => (None, Err(error)),
            };
            let actions = self.state().created(sandbox, Instant::now());
            self.carry_out(actions);
            outcome?;
        }
    }

    /// Imports these modules in the interpreters that are parked from now on; those that wait already
    /// are replaced.
    pub fn preload(&self, modules: &[String]) {
        let parking = self.0.parking.as_ref();
        if parking.is_some_and(|parking| parking.preload(modules)) {
            let actions = self.state().renew();
            self.carry_out(actions);
        }
    }

    /// A clean sandbox: one that is ready, or the first that becomes so.
    ///
    /// Dropping the future half way loses nothing: the sandbox goes to the next.
    pub async fn acquire(&self) -> Result<Lease, EngineError> {
        loop {
            let (waiter, handed) = oneshot::channel();
            let actions = self.state().acquire(waiter);
            let ready = actions
                .iter()
                .any(|action| matches!(action, Action::Give(..)));
            self.carry_out(actions);
            let sandbox = handed.await.map_err(|_| EngineError::Stopped)??;
            self.refill_later();
            let lease = Lease {
                sandbox: Some(sandbox),
                pool: self.clone(),
                _busy: program_runs(),
                _running: self.0.tasks.token(),
            };
            // A guest may have died while it was idle (killed by an administrator, say).
            if lease.sandbox().is_alive() {
                let sandbox = lease.sandbox();
                tracing::debug!(
                    container = sandbox.id(),
                    from = if ready {
                        "the pool"
                    } else {
                        "a start or a reset"
                    },
                    interpreter_started = sandbox.is_parked(),
                    "sandbox taken"
                );
                return Ok(lease);
            }
            tracing::debug!("an idle sandbox was lost; taking another");
            drop(lease.into_sandbox());
        }
    }

    /// Removes every sandbox and waits until they are gone, those lent out included.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let actions = self.state().close();
        self.carry_out(actions);
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn state(&self) -> MutexGuard<'_, State<Sandbox, Waiter>> {
        // The state is consistent between calls; a panic elsewhere does not change that.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry_out(&self, actions: Vec<Action<Sandbox, Waiter>>) {
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
        self.0.tasks.spawn(async move {
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
                    // The one who hears of it hears why.
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
        self.0.tasks.spawn(async move {
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
        let (request, attempt) = parking.and_then(Parking::attempt).unzip();
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
        self.0.tasks.spawn(async move {
            let Some(parking) = &pool.0.parking else {
                return;
            };
            tokio::select! {
                () = parking.park(parker, begun) => {}
                () = pool.0.closing.cancelled() => {}
            }
        });
    }

    fn spawn_destroy(&self, sandbox: Sandbox) {
        self.0.tasks.spawn(async move {
            if let Err(error) = sandbox.destroy().await {
                tracing::debug!(%error, "sandbox was not removed");
            }
        });
    }

    fn refill_later(&self) {
        if self.0.refill_waits.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = Arc::downgrade(&self.0);
        let closing = self.0.closing.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(REFILL_DELAY) => {}
                () = closing.cancelled() => return,
            }
            if let Some(inner) = pool.upgrade() {
                let pool = Self(inner);
                pool.0.refill_waits.store(false, Ordering::Release);
                // Beyond what the user asked for, nothing that the host has no memory for.
                let room = host_memory().is_some_and(|free| free > pool.0.spec.memory_bytes);
                let actions = pool.state().refill(room);
                pool.carry_out(actions);
            }
        });
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

impl Lease {
    /// The sandbox.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "only `into_sandbox` and `drop` take it, and nothing can follow these"
    )]
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox
            .as_ref()
            .expect("a lease holds its sandbox until it ends")
    }

    /// Takes the sandbox out of the pool for good.
    #[must_use]
    pub fn into_sandbox(mut self) -> Option<Sandbox> {
        self.sandbox.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(sandbox) = self.sandbox.take() else {
            return;
        };
        let actions = if sandbox.is_alive() {
            self.pool.state().released(sandbox)
        } else {
            vec![Action::Destroy(sandbox)]
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            self.pool.carry_out(actions);
        }
    }
}

//! What an engine asks of a pool.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::Instant,
};

use futures::future::BoxFuture;
use isol8_api::options::PoolStrategy;
use isol8_backend::{Backend, SandboxSpec};
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    park::Parking,
    processors::Processors,
    state::{Parked, Rules, State},
};
use crate::{error::EngineError, options::PoolSize, plan::ParkPlan, sandbox::Sandbox};

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
    /// Asked before a sandbox is made ahead of need: whether such sandboxes are still wanted.
    pub wanted: Wanted,
}

/// Whether sandboxes of a pool are still wanted.
pub type Wanted = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

impl Parked for Sandbox {
    fn readiness(&self) -> u8 {
        Self::readiness(self)
    }

    fn is_parked(&self) -> bool {
        Self::is_parked(self)
    }
}

/// Who waits for a sandbox.
pub(super) type Waiter = oneshot::Sender<Result<Sandbox, EngineError>>;

pub(super) struct Inner {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) spec: SandboxSpec,
    pub(super) wanted: Wanted,
    pub(super) processors: &'static Processors,
    pub(super) parking: Option<Parking>,
    pub(super) state: Mutex<State<Sandbox, Waiter>>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
    pub(super) refill_waits: AtomicBool,
    /// How often a sandbox was taken.
    pub(super) taken: AtomicUsize,
    pub(super) janitor_runs: AtomicBool,
}

/// Sandboxes of one kind. Dropping the last handle ends them.
#[derive(Clone)]
pub struct Pool(pub(super) Arc<Inner>);

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
        let processors = Processors::of(backend.capacity());
        Self(Arc::new(Inner {
            backend,
            spec: config.spec,
            wanted: config.wanted,
            processors,
            parking: config.park.map(|plan| Parking::new(plan, processors)),
            state: Mutex::new(State::new(rules)),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            refill_waits: false.into(),
            taken: 0.into(),
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
            // The slot is taken. The state must learn the outcome of the start.
            let sandbox = Sandbox::start(&self.0.backend, &self.0.spec).await;
            let (sandbox, outcome) = match sandbox {
                Ok(sandbox) => {
                    if let (Some(parking), Some(parker)) = (&self.0.parking, sandbox.parker()) {
                        let is_ahead = || self.state().is_ahead();
                        parking.park(parker, None, is_ahead).await;
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

    /// How many sandboxes wait here for a program.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.state().idle()
    }

    /// Whether nothing runs here: no program, no start, no reset.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.0.tasks.is_empty()
    }

    /// Removes the idle sandboxes in the background and keeps none from now on. Callers that have asked for
    /// one, or ask later, get it.
    ///
    /// Must be called within a tokio runtime.
    pub fn retire(&self) {
        let actions = self.state().retire();
        self.carry_out(actions);
    }

    /// Removes the idle sandboxes in the background. The next call makes new ones.
    ///
    /// Must be called within a tokio runtime.
    pub fn give_back(&self) {
        let actions = self.state().give_back();
        self.carry_out(actions);
    }

    /// Removes every sandbox and waits until they are gone, those lent out included.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let actions = self.state().close();
        self.carry_out(actions);
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<Sandbox, Waiter>> {
        // The state is consistent between calls; a panic elsewhere does not change that.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

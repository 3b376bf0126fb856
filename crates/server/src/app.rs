//! What all handlers share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::FromRef;
use isol8_api::config::Config;
use isol8_backend::{Backend, ImageStore};
use isol8_keys::{KeyDigest, KeyStore};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    callers::{Caller, Owner, Policies},
    cleanup::Cleanups,
    engines::{Engines, Makers},
    limits::{Buckets, Budget},
    metrics::{Metrics, State},
    place::Place,
    queue::Queue,
    readiness::Readiness,
    sessions::Sessions,
    settings::{Settings, SettingsError},
};

/// How often idle engines and sessions are looked for, and last uses of keys are written.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Streams that hold no turn because their program has ended, while a slow client reads the rest. Beyond these, a stream
/// holds its turn to its end. Each has up to some MiB of events.
const MAX_LINGERING: usize = 64;

/// How long an answer of the backend that it is there holds.
const READINESS_LIFETIME: Duration = Duration::from_secs(1);

/// A server's state. Cheap to clone; the clones are one server.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    master_key: KeyDigest,
    keys: Option<Arc<KeyStore>>,
    policies: Policies,
    buckets: Buckets,
    budget: Budget,
    lingering: Arc<Semaphore>,
    metrics: Metrics,
    config: Config,
    keep_alive: Duration,
    queue: Queue,
    file_queue: Queue,
    backend: Arc<dyn Backend>,
    images: Arc<dyn ImageStore>,
    engines: Engines,
    sessions: Sessions,
    cleanups: Cleanups,
    readiness: Readiness,
    /// Cancelled when the server is about to end.
    closing: CancellationToken,
    /// Cancelled when no new work is taken any more, at the latest when the server is about to end.
    draining: CancellationToken,
    /// Cancelled when running work has to end.
    ending: CancellationToken,
    tasks: TaskTracker,
}

impl FromRef<App> for Metrics {
    fn from_ref(app: &App) -> Self {
        app.metrics().clone()
    }
}

impl App {
    /// A server's state. Does no I/O.
    pub(crate) fn new(settings: &Settings, place: Arc<dyn Place>) -> Result<Self, SettingsError> {
        let max_concurrent = settings.checked()?;
        let config = settings.config.clone();
        let backend = place.backend(config.security.runtime.as_deref());
        let images = place.images();
        let makers = Arc::new(Makers::new(place));
        let budget = Budget::new(settings.max_held_bytes, settings.max_body_bytes);
        let closing = CancellationToken::new();
        let draining = closing.child_token();
        let queue = |closed: &CancellationToken| {
            Queue::new(
                max_concurrent,
                usize::try_from(config.queue.max_size).unwrap_or(usize::MAX),
                Duration::from_millis(config.queue.timeout_ms),
                closed.clone(),
            )
        };
        Ok(Self(Arc::new(Inner {
            master_key: KeyDigest::of(&settings.master_key),
            keys: settings.keys.clone(),
            policies: Policies::new(&config, max_concurrent, settings.max_body_bytes)?,
            buckets: Buckets::default(),
            budget: budget.clone(),
            lingering: Arc::new(Semaphore::new(MAX_LINGERING)),
            metrics: Metrics::new(),
            keep_alive: settings.keep_alive,
            queue: queue(&draining),
            file_queue: queue(&closing),
            backend,
            images,
            engines: Engines::new(Arc::clone(&makers), max_concurrent),
            sessions: Sessions::new(makers, budget),
            cleanups: Cleanups::default(),
            readiness: Readiness::new(READINESS_LIFETIME),
            closing,
            draining,
            ending: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        })))
    }

    /// The digest of the master key.
    pub(crate) fn master_key(&self) -> &KeyDigest {
        &self.0.master_key
    }

    /// The database of tenants' keys; none when there is none.
    pub(crate) fn keys(&self) -> Option<&KeyStore> {
        self.0.keys.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_keys(&self) -> Option<Arc<KeyStore>> {
        self.0.keys.clone()
    }

    /// `owner`, who has shown `key`, with what they may do.
    pub(crate) fn caller(&self, owner: Owner, key: &str) -> Caller {
        let policy = self.0.policies.of(&owner);
        let key = owner.tenant_id().is_some().then(|| key.into());
        Caller { owner, policy, key }
    }

    /// How many requests have come from each caller.
    pub(crate) fn buckets(&self) -> &Buckets {
        &self.0.buckets
    }

    /// The memory for what clients send.
    pub(crate) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// Permits of streams whose program has ended, and whose events somebody still reads.
    pub(crate) fn lingering(&self) -> &Arc<Semaphore> {
        &self.0.lingering
    }

    /// What the server counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What there is of everything at the moment.
    pub(crate) fn state(&self) -> State {
        let (engines, idle_sandboxes) = self.0.engines.count();
        let (running, waiting) = self.0.queue.count();
        State {
            running,
            waiting,
            sessions: self.0.sessions.count(),
            engines,
            idle_sandboxes,
            held_bytes: self.0.budget.taken(),
        }
    }

    /// The server's configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// How often a silent stream carries a sign of life.
    pub(crate) fn keep_alive(&self) -> Duration {
        self.0.keep_alive
    }

    /// The backend with the container runtime of the configuration.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.backend
    }

    /// The images.
    pub(crate) fn images(&self) -> &Arc<dyn ImageStore> {
        &self.0.images
    }

    /// The engines that requests share.
    pub(crate) fn engines(&self) -> &Engines {
        &self.0.engines
    }

    /// The sessions.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The clean-ups under way.
    pub(crate) fn cleanups(&self) -> &Cleanups {
        &self.0.cleanups
    }

    /// Whether sandboxes can be started.
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    /// Cancelled when running work has to end.
    pub(crate) fn ending(&self) -> &CancellationToken {
        &self.0.ending
    }

    /// Cancelled when no new work is taken any more.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    /// Cancelled when the server is about to end.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Tasks that the server waits for at its end.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// The line in front of the engines.
    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// The line in front of files of sessions. It goes on when the server takes no new executions.
    pub(crate) fn file_queue(&self) -> &Queue {
        &self.0.file_queue
    }

    /// Lets go of what has been idle, until the server ends.
    pub(crate) async fn sweep(self) {
        let cleanup = &self.0.config.cleanup;
        let max_idle = cleanup
            .auto_prune
            .then_some(Duration::from_millis(cleanup.max_container_age_ms));
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                () = self.0.closing.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.0.engines.release_idle();
            self.0.buckets.release_full(Instant::now());
            if let Some(max_idle) = max_idle {
                self.0.sessions.prune(max_idle).await;
            }
        }
    }

    /// Writes when keys were last shown, and removes those that have ended, until the server ends.
    pub(crate) async fn keep_keys(self, keys: Arc<KeyStore>) {
        let auth = &self.0.config.auth;
        let mut writes = tokio::time::interval(SWEEP_INTERVAL);
        let removals = Duration::from_millis(auth.cleanup_interval_ms.max(1));
        let mut removals = tokio::time::interval(removals);
        loop {
            let kept = tokio::select! {
                () = self.0.closing.cancelled() => break,
                _ = writes.tick() => keys.write_uses().await,
                _ = removals.tick() => keys.remove_expired().await.map(drop),
            };
            if let Err(error) = kept {
                tracing::warn!(%error, "the key database cannot be kept");
            }
        }
        if let Err(error) = keys.write_uses().await {
            tracing::warn!(%error, "the last uses of keys are lost");
        }
    }

    /// Ends every execution and removes every sandbox; returns when they are gone.
    pub(crate) async fn end(&self) {
        self.0.closing.cancel();
        self.0.ending.cancel();
        tokio::join!(self.0.sessions.remove_all(), self.0.engines.stop_all());
    }
}

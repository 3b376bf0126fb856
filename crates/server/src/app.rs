//! What all handlers share.

use std::{sync::Arc, time::Duration};

use isol8_api::config::Config;
use isol8_backend::{Backend, ImageStore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cleanup::Cleanups,
    engines::Engines,
    key::KeyDigest,
    place::Place,
    queue::Queue,
    readiness::Readiness,
    sessions::Sessions,
    settings::{Settings, SettingsError},
};

/// How often idle engines and sessions are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long an answer of the backend that it is there holds.
const READINESS_LIFETIME: Duration = Duration::from_secs(1);

/// A server's state. Cheap to clone; the clones are one server.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    master_key: KeyDigest,
    config: Config,
    max_body_bytes: usize,
    keep_alive: Duration,
    queue: Queue,
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

impl App {
    /// A server's state. Does no I/O.
    pub(crate) fn new(settings: &Settings, place: Arc<dyn Place>) -> Result<Self, SettingsError> {
        let max_concurrent = settings.checked()?;
        let config = settings.config.clone();
        let closing = CancellationToken::new();
        let draining = closing.child_token();
        Ok(Self(Arc::new(Inner {
            master_key: KeyDigest::of(&settings.master_key),
            max_body_bytes: settings.max_body_bytes,
            keep_alive: settings.keep_alive,
            queue: Queue::new(
                max_concurrent,
                usize::try_from(config.queue.max_size).unwrap_or(usize::MAX),
                Duration::from_millis(config.queue.timeout_ms),
                draining.clone(),
            ),
            backend: place.backend(config.security.runtime.as_deref()),
            images: place.images(),
            engines: Engines::new(Arc::clone(&place), max_concurrent),
            sessions: Sessions::new(place),
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

    /// The server's configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Largest body of a request in bytes.
    pub(crate) fn max_body_bytes(&self) -> usize {
        self.0.max_body_bytes
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
            if let Some(max_idle) = max_idle {
                self.0.sessions.prune(max_idle).await;
            }
        }
    }

    /// Ends every execution and removes every sandbox; returns when they are gone.
    pub(crate) async fn end(&self) {
        self.0.closing.cancel();
        self.0.ending.cancel();
        tokio::join!(self.0.sessions.remove_all(), self.0.engines.stop_all());
    }
}

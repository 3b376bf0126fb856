//! An engine: what it is made of, its start and its stop.

use std::{sync::Arc, time::Duration};

use isol8_backend::{Backend, BuildProgress, ImageStore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    admission::Admission, images::Images, needs::check_options, pools::Pools, seccomp::Profile,
    session::Session,
};
use crate::{
    audit::AuditLog,
    error::EngineError,
    fetch::Fetcher,
    network::Network,
    notice,
    options::{Mode, Options, Secrets, StartOptions},
    runtime::Registry,
};

/// How long a stop waits for sandboxes to be gone.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Runs untrusted code under one set of options. Cheap to clone; the clones are one engine.
///
/// Nothing is started before it is needed. Dropping the last clone ends every sandbox that is not
/// persisted, without waiting; [`Engine::stop`] waits.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) options: Options,
    pub(super) registry: Arc<Registry>,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) images: Arc<Images>,
    pub(super) pools: Arc<Pools>,
    pub(super) session: Arc<Session>,
    pub(super) seccomp: Arc<Profile>,
    pub(super) network: Arc<Network>,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) audit: Option<Arc<AuditLog>>,
    pub(super) admission: Arc<Admission>,
}

impl Engine {
    /// An engine whose sandboxes come from `backend` and run in the images of `images`. It runs at most
    /// `max_concurrent` executions at a time; more wait in order of arrival. Reads the file of a
    /// custom seccomp profile, and does no other I/O. An option that `backend` cannot honour is an error: now, or of
    /// the first execution where the backend does not know yet.
    pub fn new(
        options: Options,
        max_concurrent: usize,
        backend: Arc<dyn Backend>,
        images: Arc<dyn ImageStore>,
    ) -> Result<Self, EngineError> {
        if max_concurrent == 0 || max_concurrent > Admission::MAX {
            let message =
                format!("Invalid maxConcurrent: {max_concurrent}. It must be at least 1.");
            return Err(EngineError::InvalidConfig(message));
        }
        check_options(&options, &*backend)?;
        notice::of_short_secrets(&options.secrets);
        let fetcher = Fetcher::new(&options.remote_code)?;
        let start_audit = || AuditLog::start(&options.audit, max_concurrent);
        let audit = options.audit.enabled.then(start_audit).transpose()?;
        // The sandbox of a session runs one program at a time. Its calls queue here, in their order.
        let limit = match options.mode {
            Mode::Ephemeral => max_concurrent,
            Mode::Persistent => 1,
        };
        Ok(Self(Arc::new(Inner {
            admission: Admission::new(limit, options.request_limits.waiting_bytes).into(),
            network: Network::new(&options)?.into(),
            fetcher: fetcher.into(),
            audit: audit.map(Arc::new),
            seccomp: Profile::new(&options.seccomp).into(),
            images: Images::new(images, &options.trusted_images).into(),
            options,
            registry: Arc::default(),
            backend,
            pools: Arc::default(),
            session: Arc::default(),
        })))
    }

    /// The same engine for a caller with other secrets: with its limits, caches and logs, and with its sandboxes
    /// unless it has secrets itself. Programs get `secrets` and no others, and only these are masked in their output.
    #[must_use]
    pub fn with_secrets(&self, secrets: Secrets) -> Self {
        // Without a notice of short values: whoever has chosen them does not see it.
        let inner = &*self.0;
        // Interpreters that were started ahead may have these secrets.
        let apart = inner.options.park_secrets && !inner.options.secrets.is_empty();
        Self(Arc::new(Inner {
            options: Options {
                secrets,
                park_secrets: false,
                ..inner.options.clone()
            },
            registry: Arc::clone(&inner.registry),
            backend: Arc::clone(&inner.backend),
            images: Arc::clone(&inner.images),
            pools: if apart {
                Arc::default()
            } else {
                Arc::clone(&inner.pools)
            },
            session: Arc::clone(&inner.session),
            seccomp: Arc::clone(&inner.seccomp),
            network: Arc::clone(&inner.network),
            fetcher: Arc::clone(&inner.fetcher),
            audit: inner.audit.clone(),
            admission: Arc::clone(&inner.admission),
        }))
    }

    /// Makes sandboxes ready: those of the pools, or that of a session, which has one runtime. Fails only when
    /// the options are strict. Otherwise a failure is written to the debug log, and the first execution tries
    /// again.
    pub async fn start(&self, options: &StartOptions) -> Result<(), EngineError> {
        let outcomes = match (self.0.options.mode, &options.runtimes[..]) {
            (Mode::Ephemeral, runtimes) => {
                if let Some(preload) = &options.preload {
                    self.0.pools.set_preload(&self.0.options, preload);
                }
                let warmups = runtimes
                    .iter()
                    .map(|name| self.prewarm(name, options.strict));
                futures::future::join_all(warmups).await
            }
            (Mode::Persistent, [runtime]) => vec![self.prewarm_session(runtime).await],
            (Mode::Persistent, _) => Vec::new(),
        };
        for error in outcomes.into_iter().filter_map(Result::err) {
            if options.strict {
                return Err(error);
            }
            tracing::debug!(%error, "prewarming failed");
        }
        Ok(())
    }

    /// Asks the backend whether it is there.
    pub async fn ping(&self) -> Result<(), EngineError> {
        Ok(self.0.backend.probe().await?)
    }

    /// Ends every running execution and removes every sandbox that is not persisted; returns when
    /// they are gone, or after ten seconds, when the rest goes on in the background. The engine may be used
    /// again afterwards.
    pub async fn stop(&self) {
        tracing::debug!("stopping the engine");
        self.0.admission.end_all();
        let engine = self.clone();
        // A task of its own goes on when nobody waits for it any more.
        let ending = async move {
            let ((), ()) = tokio::join!(engine.0.pools.close(), engine.0.session.close());
            if let Some(audit) = &engine.0.audit {
                audit.flush().await;
            }
        };
        let ending = tokio::spawn(ending.in_current_span());
        if tokio::time::timeout(STOP_LIMIT, ending).await.is_err() {
            tracing::debug!("sandboxes are still being removed");
        }
    }

    /// Reports the builds of missing base images to `on_progress`, which must not block. The first call counts.
    pub fn report_builds(&self, on_progress: impl Fn(BuildProgress) + Send + Sync + 'static) {
        let _ = self.0.images.on_progress.set(Box::new(on_progress));
    }

    /// Ties the calls of this engine to `owner`. When `owner` is cancelled, they end as with [`Engine::stop`], and later
    /// calls fail at once. To be called before the first call: neither `owner` nor `stop` reaches those that have
    /// begun.
    pub fn end_with(&self, owner: CancellationToken) {
        self.0.admission.end_with(owner);
    }

    /// The container of a persistent engine, once there is one.
    #[must_use]
    pub fn container_id(&self) -> Option<String> {
        self.0.session.container_id()
    }
}

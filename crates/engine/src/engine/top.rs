//! What callers hold: options, permits, and the way from a request to its sandbox.

use std::sync::Arc;

use isol8_api::{
    event::StreamEvent,
    options::NetworkMode,
    result::{ExecutionResult, NetworkLogEntry, ResourceUsage},
};
use isol8_backend::{Backend, ImageStore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    admission::{Admission, Call, Place},
    images::Images,
    persistent::Session,
    pools::Pools,
    stream::EventStream,
    trail::Trail,
};
use crate::{
    audit::{AuditLog, RecordedRequest},
    error::EngineError,
    execution::{Outcome, Sink, usage_of},
    fetch::{FetchRequest, Fetcher},
    network::{Network, NetworkRecord},
    notice,
    options::{Mode, Options, StartOptions},
    plan::{CheckedRequest, RequestSource, Source, plan},
    runtime::Registry,
    submission::Submission,
    time,
};

/// Events that a stream's consumer has not taken yet. Beyond this the program is slowed down.
const EVENT_QUEUE: usize = 32;

/// Runs untrusted code under one set of options. Cheap to clone; the clones are one engine.
///
/// Nothing is started before it is needed. Dropping the last clone ends every sandbox that is not
/// persisted, without waiting; [`Engine::stop`] waits.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) options: Options,
    pub(super) registry: Registry,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) images: Images,
    pub(super) pools: Pools,
    pub(super) session: Session,
    pub(super) network: Network,
    fetcher: Fetcher,
    audit: Option<AuditLog>,
    pub(super) admission: Admission,
}

impl Engine {
    /// An engine whose sandboxes come from `backend` and run in the images of `images`. It runs at most
    /// `max_concurrent` executions at a time; more wait in order of arrival. Does no I/O.
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
        notice::of_short_secrets(&options.secrets);
        let fetcher = Fetcher::new(&options.remote_code)?;
        let start_audit = || AuditLog::start(&options.audit, max_concurrent);
        let audit = options.audit.enabled.then(start_audit).transpose()?;
        // One sandbox does one thing at a time; its calls queue here, in their order.
        let limit = match options.mode {
            Mode::Ephemeral => max_concurrent,
            Mode::Persistent => 1,
        };
        Ok(Self(Arc::new(Inner {
            network: Network::new(&options)?,
            fetcher,
            audit,
            options,
            registry: Registry::default(),
            backend,
            images: Images::new(images),
            pools: Pools::default(),
            session: Session::default(),
            admission: Admission::new(limit),
        })))
    }

    /// Makes sandboxes ready. Only an ephemeral engine keeps any. What fails is told in the debug
    /// log and tried again by the first execution.
    pub async fn start(&self, options: &StartOptions) {
        if self.0.options.mode == Mode::Ephemeral {
            if let Some(preload) = &options.preload {
                self.0.pools.set_preload(&self.0.options, preload);
            }
            let warmups = options.runtimes.iter().map(|name| async move {
                if let Err(error) = self.prewarm(name).await {
                    tracing::debug!(runtime = %name, %error, "prewarming failed");
                }
            });
            futures::future::join_all(warmups).await;
        }
    }

    /// Ends every running execution and removes every sandbox that is not persisted; returns when
    /// they are gone. The engine may be used again afterwards.
    pub async fn stop(&self) {
        tracing::debug!("stopping the engine");
        self.0.admission.end_all();
        let ((), ()) = tokio::join!(self.0.pools.close(), self.0.session.close());
        if let Some(audit) = &self.0.audit {
            audit.flush().await;
        }
    }

    /// Runs `request` and returns its result. A program that fails, or that runs out of time, is a
    /// result, not an error.
    ///
    /// `cancel` ends the program and gives [`EngineError::Cancelled`]. In a session the interpreter is
    /// interrupted, so that its state survives where that works. Dropping the future ends both at once.
    /// The place in the order of executions is taken by the call, not when the future is first polled.
    pub fn execute<S: Into<Submission>>(
        &self,
        request: S,
        cancel: CancellationToken,
    ) -> impl Future<Output = Result<ExecutionResult, EngineError>> + Send + use<S> {
        let (engine, call) = (self.clone(), self.0.admission.call());
        let submission = request.into();
        async move {
            // In a box, so that the callers' own futures stay small.
            Box::pin(engine.carry_out(submission, &Sink::Collect, cancel, call)).await
        }
    }

    /// Runs `request` and tells what happens. Dropping the stream ends the program.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn stream(&self, request: impl Into<Submission>) -> EventStream {
        let (sender, events) = tokio::sync::mpsc::channel(EVENT_QUEUE);
        let cancel = CancellationToken::new();
        let (refuse, refusal) = tokio::sync::oneshot::channel();
        let (conclude, result) = tokio::sync::oneshot::channel();
        let (engine, call) = (self.clone(), self.0.admission.call());
        let token = cancel.clone();
        let submission = request.into();
        // A consumer that is gone ends the program at once; one that cancels lets a session survive.
        let gone = CancellationToken::new();
        let left = gone.clone();
        tokio::spawn(async move {
            let sink = Sink::Stream(sender);
            let carried_out = Box::pin(engine.carry_out(submission, &sink, token, call));
            let Some(carried_out) = left.run_until_cancelled(carried_out).await else {
                return;
            };
            let failure = match carried_out {
                // Told already: the program's exit, and that of a failed setup script.
                Ok(result) => {
                    let _ = conclude.send(result);
                    return;
                }
                Err(EngineError::Setup { .. } | EngineError::Cancelled) => return,
                Err(error) if error.is_refusal() => {
                    let _ = refuse.send(error);
                    return;
                }
                Err(error) => error,
            };
            for event in StreamEvent::failure(&failure.to_string()) {
                if sink.send(event).await.is_err() {
                    return;
                }
            }
        });
        EventStream::new(events, refusal, result, cancel, gone)
    }

    /// The container of a persistent engine, once there is one.
    #[must_use]
    pub fn container_id(&self) -> Option<String> {
        self.0.session.container_id()
    }

    async fn carry_out(
        &self,
        submission: Submission,
        sink: &Sink,
        cancel: CancellationToken,
        Call { place, life }: Call,
    ) -> Result<ExecutionResult, EngineError> {
        let id = Uuid::new_v4().to_string();
        let span = tracing::debug_span!("execution", id);
        async {
            let result = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(EngineError::Cancelled),
                () = life.cancelled() => Err(EngineError::Stopped),
                result = self.admit(id, submission, sink, &cancel, place) => result,
            };
            match &result {
                Ok(result) => explain_end(result),
                // The message may have the program's words in it; the caller gets it.
                Err(error) => tracing::debug!(code = error.code().as_str(), "execution failed"),
            }
            result
        }
        .instrument(span)
        .await
    }

    async fn admit(
        &self,
        execution_id: String,
        submission: Submission,
        sink: &Sink,
        cancel: &CancellationToken,
        place: Place,
    ) -> Result<ExecutionResult, EngineError> {
        let bare = ExecutionResult {
            execution_id,
            runtime: submission.request.runtime.clone(),
            timestamp: time::now_iso8601(),
            ..ExecutionResult::default()
        };
        let Inner {
            options,
            registry,
            audit,
            ..
        } = &*self.0;
        let (mut request, source) = CheckedRequest::new(options, registry, submission)?;
        let source = self.program(source).await?;
        let recorded = audit.as_ref().map(|_| {
            let metadata = request.take_metadata();
            let (Source::Code(text) | Source::Command(text)) = &source;
            RecordedRequest::new(&options.audit, &options.secrets, metadata, text)
        });
        let plan = plan(options, request, source)?;
        plan.explain(options);
        let _turn = place.turn().await?;
        let recorded = recorded.unwrap_or_default();
        let trail = Trail::begin(audit.as_ref(), options, recorded, bare.clone()).await?;
        let ran = match options.mode {
            Mode::Ephemeral => self.run_ephemeral(plan, sink, cancel, &trail).await,
            Mode::Persistent => self.run_persistent(plan, sink, cancel, &trail).await,
        };
        let (mut outcome, container_id) = match ran {
            Ok(ran) => ran,
            Err(error) => {
                trail.fail(&error);
                return Err(error);
            }
        };
        let network = outcome.network.take().unwrap_or_default();
        for entry in &network.entries {
            let NetworkLogEntry { method, host, .. } = entry;
            tracing::debug!(method, host, action = ?entry.action, ms = entry.duration_ms, "network");
        }
        let result = self.result(bare, container_id, outcome, &network);
        trail.end(&result, &network.entries).await;
        Ok(result)
    }

    /// What a request says to run, fetched if it has to be.
    async fn program(&self, source: RequestSource) -> Result<Source, EngineError> {
        match source {
            RequestSource::Ready(source) => Ok(source),
            RequestSource::Url {
                url,
                hash,
                insecure,
            } => {
                let request = FetchRequest {
                    url: &url,
                    hash: hash.as_deref(),
                    insecure,
                };
                // The log does not say where it is from: URLs may carry a key.
                tracing::debug!("fetching the program");
                let code = self.0.fetcher.fetch(request).await?;
                tracing::debug!(bytes = code.len(), "program fetched");
                Ok(Source::Code(code))
            }
        }
    }

    fn result(
        &self,
        bare: ExecutionResult,
        container_id: String,
        outcome: Outcome,
        network: &NetworkRecord,
    ) -> ExecutionResult {
        let options = &self.0.options;
        let usage = ResourceUsage {
            network_bytes_in: network.bytes_in,
            network_bytes_out: network.bytes_out,
            ..usage_of(&outcome.report)
        };
        let logs_network = options.log_network && options.network == NetworkMode::Filtered;
        ExecutionResult {
            stdout: outcome.stdout,
            stderr: outcome.stderr,
            exit_code: outcome.exit_code,
            duration_ms: outcome.report.wall_us.div_ceil(1000),
            truncated: outcome.truncated,
            container_id: Some(container_id),
            files: outcome.files,
            resource_usage: options.audit.track_resources.then_some(usage),
            network_logs: logs_network.then(|| network.entries.clone()),
            session_reset: outcome.session_reset,
            ..bare
        }
    }
}

/// Says how the program ended, and not what it said.
fn explain_end(result: &ExecutionResult) {
    tracing::debug!(
        exit_code = result.exit_code,
        ms = result.duration_ms,
        stdout_bytes = result.stdout.len(),
        stderr_bytes = result.stderr.len(),
        truncated = result.truncated,
        output_files = result.files.as_ref().map(std::collections::BTreeMap::len),
        "execution ended"
    );
}

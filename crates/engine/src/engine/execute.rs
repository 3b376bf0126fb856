//! The way of a request through an engine: checked, planned, recorded, run.

use isol8_api::{
    event::{Phase, StreamEvent},
    options::NetworkMode,
    result::{ExecutionResult, NetworkLogEntry, ResourceUsage},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    admission::{Call, QueuePosition, WaitingRoom},
    audit_entry::AuditEntry,
    lifecycle::{Engine, Inner},
    stream::{EventStream, Tokens},
    turn::Turn,
};
use crate::{
    audit::RecordedRequest,
    error::EngineError,
    execution::{Outcome, Sink, signal_of, termination_of, usage_of},
    fetch::FetchRequest,
    network::NetworkRecord,
    options::Mode,
    plan::{CheckedRequest, PlanError, RequestSource, Source, bytes_of, plan},
    submission::Submission,
    time,
};

/// Events that a stream's consumer has not taken yet. Beyond this the program is slowed down.
const EVENT_QUEUE: usize = 32;

impl Engine {
    /// Runs `request` and returns its result. A program that fails, or that runs out of time, is a
    /// result, not an error.
    ///
    /// `cancel` ends the program and gives [`EngineError::Cancelled`]. In a session the interpreter is
    /// interrupted, so that its state survives where that works. Dropping the future ends both at once.
    /// The call takes its position in the queue at once, not when the future is first polled.
    pub fn execute<S: Into<Submission>>(
        &self,
        request: S,
        cancel: CancellationToken,
    ) -> impl Future<Output = Result<ExecutionResult, EngineError>> + Send + use<S> {
        let submission = request.into();
        let (engine, call) = (self.clone(), self.call_for(&submission));
        async move {
            // In a box, so that the callers' own futures stay small.
            Box::pin(engine.carry_out(submission, &Sink::Collect, cancel, call)).await
        }
    }

    /// Runs `request` and returns its events. Dropping the stream ends the program.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn stream(&self, request: impl Into<Submission>) -> EventStream {
        let (sender, events) = tokio::sync::mpsc::channel(EVENT_QUEUE);
        let cancel = CancellationToken::new();
        let (refuse, refusal) = tokio::sync::oneshot::channel();
        let (conclude, result) = tokio::sync::oneshot::channel();
        let submission = request.into();
        let (engine, call) = (self.clone(), self.call_for(&submission));
        let token = cancel.clone();
        // A consumer that drops the stream ends the program at once. One that cancels lets a session survive.
        let gone = CancellationToken::new();
        let left = gone.clone();
        let over = CancellationToken::new();
        let at_end = over.clone().drop_guard();
        tokio::spawn(async move {
            let sink = Sink::Stream(sender);
            let carried_out = Box::pin(engine.carry_out(submission, &sink, token, call));
            let carried_out = left.run_until_cancelled(carried_out).await;
            drop(at_end);
            let Some(carried_out) = carried_out else {
                return;
            };
            let failure = match carried_out {
                // The stream has had the exit of the program, or that of a failed step before it.
                Ok(result) => {
                    let _ = conclude.send(result);
                    return;
                }
                Err(EngineError::Setup(_) | EngineError::Install(_) | EngineError::Cancelled) => {
                    return;
                }
                Err(error) if error.is_refusal() => {
                    let _ = refuse.send(error);
                    return;
                }
                Err(error) => error,
            };
            let events = [
                StreamEvent::failure(Phase::Code, failure.code(), failure.to_string()),
                StreamEvent::exit(Phase::Code, 1),
            ];
            for event in events {
                if sink.send(event).await.is_err() {
                    return;
                }
            }
        });
        EventStream::new(events, refusal, result, Tokens { cancel, gone, over })
    }

    /// Runs `request`, returns its events, and keeps its output for the result as [`Self::execute`] does. Every
    /// error ends the events and is given by [`EventStream::take_refusal`]. Dropping the stream ends the program.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn execute_with_events(&self, request: impl Into<Submission>) -> EventStream {
        let (sender, events) = tokio::sync::mpsc::channel(EVENT_QUEUE);
        let (refuse, refusal) = tokio::sync::oneshot::channel();
        let (conclude, result) = tokio::sync::oneshot::channel();
        let (cancel, gone) = (CancellationToken::new(), CancellationToken::new());
        let over = CancellationToken::new();
        let at_end = over.clone().drop_guard();
        let submission = request.into();
        let (engine, call) = (self.clone(), self.call_for(&submission));
        let (token, left) = (cancel.clone(), gone.clone());
        tokio::spawn(async move {
            let sink = Sink::Both(sender);
            let carried_out = Box::pin(engine.carry_out(submission, &sink, token, call));
            let carried_out = left.run_until_cancelled(carried_out).await;
            drop(at_end);
            // The consumer is gone when one of these cannot be sent.
            match carried_out {
                Some(Ok(result)) => drop(conclude.send(result)),
                Some(Err(error)) => drop(refuse.send(error)),
                None => {}
            }
        });
        EventStream::new(events, refusal, result, Tokens { cancel, gone, over })
    }

    fn call_for(&self, submission: &Submission) -> Call {
        self.0.admission.call(|| bytes_of(&submission.request))
    }

    async fn carry_out(
        &self,
        submission: Submission,
        sink: &Sink,
        cancel: CancellationToken,
        Call {
            position,
            files,
            room,
            life,
        }: Call,
    ) -> Result<ExecutionResult, EngineError> {
        let id = Uuid::new_v4().to_string();
        let span = tracing::debug_span!("execution", id);
        async {
            let result = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(EngineError::Cancelled),
                () = life.cancelled() => Err(EngineError::Stopped),
                result = self.admit(id, submission, sink, &cancel, (position, files, room)) => result,
            };
            match &result {
                Ok(result) => explain_end(result),
                // The message may quote the program's output. Only the caller gets it.
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
        (position, files, room): (QueuePosition, QueuePosition, WaitingRoom),
    ) -> Result<ExecutionResult, EngineError> {
        let room = room.map_err(PlanError::from)?;
        if self.0.options.mode == Mode::Persistent {
            // Files that the caller has written before are there.
            drop(files.turn().await?);
        } else {
            drop(files);
        }
        let mut submission = submission.with_own_runtime_name();
        let tenant = submission.tenant.take();
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
            network,
            ..
        } = &*self.0;
        let (mut request, source) = CheckedRequest::new(options, registry, submission)?;
        let source = self.program(source).await?;
        let recorded = audit.as_ref().map(|_| {
            let metadata = request.take_metadata();
            let (Source::Code(text) | Source::Command(text)) = &source;
            RecordedRequest::new(&options.audit, &options.secrets, metadata, text).of_tenant(tenant)
        });
        let plan = plan(options, request, source)?;
        plan.explain(options);
        let _turn = position.turn().await?;
        drop(room);
        let recorded = recorded.unwrap_or_default();
        let egress = network.start_run(&options.secrets);
        let entry = AuditEntry::reserve(audit.as_deref(), options, recorded, &bare, egress).await?;
        let turn = Turn {
            plan,
            sink,
            cancel,
            entry: &entry,
        };
        let ran = match options.mode {
            Mode::Ephemeral => Box::pin(self.run_ephemeral(turn)).await,
            Mode::Persistent => Box::pin(self.run_persistent(turn)).await,
        };
        let (outcome, container_id) = match ran {
            Ok(ran) => ran,
            Err(error) => {
                entry.fail(&error);
                return Err(error);
            }
        };
        let network = NetworkRecord::new(entry.egress());
        for request in &network.entries {
            let NetworkLogEntry { method, host, .. } = request;
            tracing::debug!(method, host, action = ?request.action, ms = request.duration_ms, "network");
        }
        let dropped = network.dropped();
        if dropped > 0 {
            tracing::debug!(dropped, "the network log has no room for all requests");
        }
        let result = self.result(bare, container_id, outcome, &network);
        entry.complete(&result, &network).await;
        Ok(result)
    }

    /// The program of a request, fetched if it is given by URL.
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
                // The log omits the URL: it may carry a key.
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
            termination: Some(termination_of(&outcome.report)),
            signal: signal_of(&outcome.report),
            duration_ms: outcome.report.wall_us.div_ceil(1000),
            truncated: outcome.truncated,
            container_id: Some(container_id),
            files: outcome.files,
            resource_usage: options.audit.track_resources.then_some(usage),
            network_logs: logs_network.then(|| network.entries.clone()),
            session_reset: outcome.session_reset,
            network_logs_dropped: Some(network.dropped()).filter(|n| logs_network && *n > 0),
            ..bare
        }
    }
}

/// Logs how the program ended, without its output.
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

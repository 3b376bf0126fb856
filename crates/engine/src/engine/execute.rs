//! The way of a request through an engine: checked, planned, recorded, run.

use isol8_api::result::{ExecutionResult, NetworkLogEntry};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    admission::{Call, QueuePosition, WaitingRoom},
    admitted::AdmittedExecution,
    audit_entry::AuditEntry,
    conclusion::{conclude, explain_end},
    lifecycle::{Engine, Inner},
};
use crate::{
    audit::RecordedRequest,
    error::EngineError,
    execution::Sink,
    fetch::FetchRequest,
    network::NetworkRecord,
    options::Mode,
    plan::{CheckedRequest, PlanError, RequestSource, Source, bytes_of, plan},
    submission::Submission,
    time,
};

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

    /// Takes the positions of a call in the queues.
    pub(super) fn call_for(&self, submission: &Submission) -> Call {
        self.0.admission.call(|| bytes_of(&submission.request))
    }

    /// Runs a call from its queue to its result.
    pub(super) async fn carry_out(
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
            drop(files.permit().await?);
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
        let _permit = position.permit().await?;
        drop(room);
        let recorded = recorded.unwrap_or_default();
        let egress = network.start_run(&options.secrets);
        let entry = AuditEntry::reserve(audit.as_deref(), options, recorded, &bare, egress).await?;
        let admitted = AdmittedExecution {
            plan,
            sink,
            cancel,
            entry: &entry,
        };
        let ran = match options.mode {
            Mode::Ephemeral => Box::pin(self.run_ephemeral(admitted)).await,
            Mode::Persistent => Box::pin(self.run_persistent(admitted)).await,
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
        let result = conclude(options, bare, container_id, outcome, &network);
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
}

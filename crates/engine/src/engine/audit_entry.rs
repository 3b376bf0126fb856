//! The entry in the audit log that every execution leaves, however it ends.

use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use isol8_api::result::{ExecutionResult, TIMEOUT_EXIT_CODE, Termination};

use crate::{
    audit::{AuditLog, AuditRecord, AuditSlot, RecordSource, RecordedRequest},
    error::EngineError,
    network::NetworkRecord,
    options::Options,
};

/// The entry of one execution. It is written at the end of the execution, or when its caller gives it up
/// before.
pub(super) struct AuditEntry<'a> {
    options: &'a Options,
    request: RecordedRequest,
    /// What is recorded of an execution that has no result. Empty without an audit log.
    bare: ExecutionResult,
    container_id: OnceLock<String>,
    /// What it does on the network.
    egress: Arc<isol8_egress::Run>,
    /// `None` when there is no audit log, or when the entry is written already.
    slot: Option<AuditSlot>,
}

impl<'a> AuditEntry<'a> {
    /// Reserves the entry of an execution that is about to start. Waits only while the disk is far
    /// behind. `request` is what is recorded of the request, `bare` is what is known of the result.
    pub(super) async fn reserve(
        log: Option<&AuditLog>,
        options: &'a Options,
        request: RecordedRequest,
        bare: &ExecutionResult,
        egress: Arc<isol8_egress::Run>,
    ) -> Result<Self, EngineError> {
        let slot = match log {
            Some(log) => Some(log.reserve().await?),
            None => None,
        };
        Ok(Self {
            options,
            request,
            bare: slot.as_ref().map(|_| bare.clone()).unwrap_or_default(),
            container_id: OnceLock::new(),
            egress,
            slot,
        })
    }

    /// Notes the container, for the case that the execution has no result.
    pub(super) fn set_container(&self, container_id: &str) {
        if self.slot.is_some() {
            self.container_id.get_or_init(|| container_id.to_owned());
        }
    }

    /// Records a result, with everything that went through the proxy. The execution does not fail when the log cannot be
    /// written: the log has reported that to the operator, and later executions wait for it.
    pub(super) async fn complete(mut self, result: &ExecutionResult, network: &NetworkRecord) {
        let Some(slot) = self.slot.take() else { return };
        let record = self.record(result, network);
        let _ = slot.record(record).await;
    }

    /// Collects what the execution does on the network.
    pub(super) fn egress(&self) -> &Arc<isol8_egress::Run> {
        &self.egress
    }

    /// Records an execution that has no result.
    pub(super) fn fail(mut self, error: &EngineError) {
        self.bare.stderr = error.to_string();
        (self.bare.exit_code, self.bare.termination) = end_of(error);
        self.enqueue();
    }

    fn record(&self, result: &ExecutionResult, network: &NetworkRecord) -> AuditRecord {
        let from = RecordSource {
            request: &self.request,
            result,
            security_events: &network.security_events,
            security_events_dropped: network.dropped_blocked,
        };
        AuditRecord::new(&self.options.audit, &self.options.secrets, from)
    }

    /// Puts the bare record into the queue, without waiting for it to be written.
    fn enqueue(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        self.bare.container_id = self.container_id.take();
        if tokio::runtime::Handle::try_current().is_ok() {
            let record = self.record(&self.bare, &NetworkRecord::new(&self.egress));
            // The record is in the queue after the first poll.
            let _ = slot.record(record).now_or_never();
        }
    }
}

/// What is recorded of how an execution without a result ended: its exit code, and how.
fn end_of(error: &EngineError) -> (i32, Option<Termination>) {
    match error {
        EngineError::Install(failure) | EngineError::Setup(failure) => {
            (failure.code, Some(failure.termination))
        }
        EngineError::SandboxLost | EngineError::Guest(_) => (1, Some(Termination::Lost)),
        // The consumer of its events is gone, so it was killed.
        EngineError::Cancelled => (TIMEOUT_EXIT_CODE, Some(Termination::Cancelled)),
        // The error came before the first step, or with the files.
        _ => (1, None),
    }
}

/// An execution that its caller gave up was killed. It is recorded, too.
impl Drop for AuditEntry<'_> {
    fn drop(&mut self) {
        self.bare.exit_code = TIMEOUT_EXIT_CODE;
        self.bare.termination = Some(Termination::Cancelled);
        self.enqueue();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_whose_consumer_is_gone_is_recorded_as_cancelled() {
        for (error, end) in [
            (EngineError::Cancelled, (137, Some(Termination::Cancelled))),
            (EngineError::SandboxLost, (1, Some(Termination::Lost))),
            (EngineError::NoActiveContainer, (1, None)),
        ] {
            assert_eq!(end_of(&error), end, "{error}");
        }
    }
}

//! An execution that the queue has admitted, and how it runs in the sandbox that was found for it.

use std::sync::OnceLock;

use isol8_protocol::{AfterExit, SessionLoss};
use tokio_util::sync::CancellationToken;

use super::{
    audit_entry::AuditEntry,
    chosen_image::{ChosenImage, PlanForImage, plan_for_image},
    lifecycle::Inner,
};
use crate::{
    error::EngineError,
    execution::{Outcome, Run, Sink, run},
    plan::ExecutionPlan,
    sandbox::Sandbox,
};

/// An execution that the queue has admitted.
pub(super) struct AdmittedExecution<'a> {
    pub(super) plan: ExecutionPlan,
    pub(super) sink: &'a Sink,
    pub(super) cancel: &'a CancellationToken,
    pub(super) entry: &'a AuditEntry<'a>,
}

/// What differs between a sandbox of a pool and that of a session.
pub(super) struct SandboxUse<'a> {
    /// Registries that the image names, where they have been read.
    pub(super) image_registries: Option<Vec<String>>,
    /// What becomes of the processes that the program leaves behind.
    pub(super) after_exit: AfterExit,
    /// Where it is noted that the state of a session has been lost.
    pub(super) session_loss: &'a OnceLock<SessionLoss>,
}

impl AdmittedExecution<'_> {
    /// Runs in `sandbox`, which has `image`.
    pub(super) async fn run_in(
        self,
        engine: &Inner,
        sandbox: &Sandbox,
        image: &ChosenImage,
        how: SandboxUse<'_>,
    ) -> Result<Outcome, EngineError> {
        self.entry.set_container(sandbox.id());
        let PlanForImage {
            plan,
            prepare,
            image_setup,
        } = plan_for_image(self.plan, image, &engine.options);
        run(Run {
            options: &engine.options,
            network: &engine.network,
            egress: self.entry.egress(),
            sandbox,
            plan,
            prepare,
            image_setup,
            image_registries: how.image_registries,
            after_exit: how.after_exit,
            sink: self.sink,
            cancel: self.cancel,
            session_loss: how.session_loss,
        })
        .await
    }
}

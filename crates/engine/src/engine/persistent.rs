//! Executions in the one sandbox of a persistent engine, its session.

use std::sync::OnceLock;

use isol8_protocol::AfterExit;
use tokio_util::sync::CancellationToken;

use super::{
    audit_entry::AuditEntry,
    chosen_image::{ChosenImage, PlanForImage, plan_for_image},
    lifecycle::Engine,
    session::LiveSession,
};
use crate::{
    error::EngineError,
    execution::{self, Outcome, Run, Sink, run},
    plan::ExecutionPlan,
    sandbox::Sandbox,
};

impl Engine {
    pub(super) async fn run_persistent(
        &self,
        plan: ExecutionPlan,
        sink: &Sink,
        cancel: &CancellationToken,
        entry: &AuditEntry<'_>,
    ) -> Result<(Outcome, String), EngineError> {
        let session = &self.0.session;
        let mut state = session.lock().await?;
        if let Some(current) = &state.live
            && current.runtime != plan.runtime
        {
            return Err(EngineError::RuntimeSwitch {
                from: current.runtime.clone(),
                to: plan.runtime,
            });
        }
        if state.live.is_none() {
            let (sandbox, image) = self.start_session(&plan).await?;
            let registries = match plan.registry_files {
                Some(files) => execution::image_registries_of(&sandbox, files).await?,
                None => Vec::new(),
            };
            session.set_container_id(Some(sandbox.id().to_owned()));
            state.live = Some(LiveSession {
                runtime: plan.runtime.clone(),
                image,
                registries,
                sandbox,
            });
        }
        let Some(LiveSession {
            sandbox,
            image,
            registries,
            ..
        }) = &state.live
        else {
            return Err(EngineError::SandboxLost);
        };
        entry.set_container(sandbox.id());
        tracing::debug!(container = sandbox.id(), "the session's sandbox");
        let PlanForImage {
            plan,
            prepare,
            image_setup,
        } = plan_for_image(plan, image, &self.0.options);
        let session_loss = OnceLock::new();
        let outcome = run(Run {
            options: &self.0.options,
            network: &self.0.network,
            egress: entry.egress(),
            sandbox,
            plan,
            prepare,
            image_setup,
            image_registries: Some(registries.clone()),
            after_exit: AfterExit::Keep,
            sink,
            cancel,
            session_loss: &session_loss,
        })
        .await;
        let id = sandbox.id().to_owned();
        if let Some(loss) = session_loss.into_inner() {
            state.reset.get_or_insert(execution::reset_reason(loss));
        }
        let outcome = state.note(outcome).inspect_err(|_| {
            if state.live.is_none() {
                session.set_container_id(None);
            }
        })?;
        let session_reset = state.reset.take();
        Ok((
            Outcome {
                session_reset,
                ..outcome
            },
            id,
        ))
    }

    async fn start_session(
        &self,
        plan: &ExecutionPlan,
    ) -> Result<(Sandbox, ChosenImage), EngineError> {
        match self.start_in(self.choose(plan).await, plan).await {
            Err(error) => {
                let chosen = self.choose_again(plan, error).await;
                self.start_in(chosen, plan).await
            }
            started => started,
        }
    }

    async fn start_in(
        &self,
        chosen: Result<ChosenImage, EngineError>,
        plan: &ExecutionPlan,
    ) -> Result<(Sandbox, ChosenImage), EngineError> {
        let chosen = chosen?;
        let spec = self.0.sandbox_spec(&chosen.details, &plan.runtime)?;
        let sandbox = Sandbox::start(&self.0.backend, &spec).await;
        Ok((sandbox.map_err(|error| chosen.explain(error))?, chosen))
    }
}

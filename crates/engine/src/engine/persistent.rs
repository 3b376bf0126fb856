//! Executions in the one sandbox of a persistent engine, its session.

use std::sync::OnceLock;

use isol8_protocol::AfterExit;

use super::{
    admission::Call,
    admitted::{AdmittedExecution, SandboxUse},
    choice::Wish,
    chosen_image::ChosenImage,
    lifecycle::Engine,
    needs::{check_needs, check_options},
    session::LiveSession,
};
use crate::{
    error::EngineError,
    execution::{self, Outcome},
    plan::{ImageChoice, reaches_registries},
    sandbox::Sandbox,
};

impl Engine {
    pub(super) async fn run_persistent(
        &self,
        admitted: AdmittedExecution<'_>,
    ) -> Result<(Outcome, String), EngineError> {
        let (session, plan) = (&self.0.session, &admitted.plan);
        let mut place = session.change().await?;
        if let Some(current) = &*place
            && current.runtime != plan.runtime
        {
            return Err(EngineError::RuntimeSwitch {
                from: current.runtime.clone(),
                to: plan.runtime.clone(),
            });
        }
        if place.is_none() {
            let live = self.start_session(plan.into(), plan.registry_files).await?;
            session.begin(&mut place, live);
        }
        // From here on files can be written and read beside the program.
        let place = place.downgrade();
        let Some(LiveSession {
            sandbox,
            image,
            registries,
            ..
        }) = &*place
        else {
            return Err(EngineError::SandboxLost);
        };
        check_needs(&self.0.options, &*self.0.backend, plan)?;
        tracing::debug!(container = sandbox.id(), "the session's sandbox");
        let session_loss = OnceLock::new();
        let how = SandboxUse {
            image_registries: Some(registries.clone()),
            after_exit: AfterExit::Keep,
            session_loss: &session_loss,
        };
        let outcome = admitted.run_in(&self.0, sandbox, image, how).await;
        let id = sandbox.id().to_owned();
        drop(place);
        if let Some(loss) = session_loss.into_inner() {
            session.note_reset(execution::reset_reason(loss));
        }
        let outcome = session.note(outcome).await?;
        let session_reset = session.take_reset();
        Ok((
            Outcome {
                session_reset,
                ..outcome
            },
            id,
        ))
    }

    /// Makes the sandbox of the session ready for a runtime, if there is none yet.
    pub(super) async fn prewarm_session(&self, runtime: &str) -> Result<(), EngineError> {
        let Call { position, life, .. } = self.0.admission.call(|| 0);
        let work = async {
            let spec = self.0.registry.get(runtime)?;
            let _permit = position.permit().await?;
            let session = &self.0.session;
            let mut place = session.change().await?;
            if place.is_some() {
                return Ok(());
            }
            let image = match &self.0.options.image {
                Some(image) => ImageChoice::Explicit(image.clone()),
                None => ImageChoice::Runtime {
                    image: spec.image.to_owned(),
                    packages: Vec::new(),
                },
            };
            let wish = Wish {
                image: &image,
                runtime: spec.name,
            };
            let files = reaches_registries(&self.0.options).then_some(spec.registry_files);
            let live = self.start_session(wish, files).await?;
            session.begin(&mut place, live);
            Ok(())
        };
        let done = life.run_until_cancelled(work).await;
        done.unwrap_or(Err(EngineError::Stopped))
    }

    /// Starts the sandbox of a session. `registry_files` says where its image names package registries, where
    /// those matter.
    async fn start_session(
        &self,
        wish: Wish<'_>,
        registry_files: Option<&str>,
    ) -> Result<LiveSession, EngineError> {
        let (sandbox, image) = match self.start_in(self.choose(wish).await, wish.runtime).await {
            Err(error) => {
                let chosen = self.choose_again(wish, error).await;
                self.start_in(chosen, wish.runtime).await
            }
            started => started,
        }?;
        let registries = match registry_files {
            Some(files) => execution::image_registries_of(&sandbox, files).await?,
            None => Vec::new(),
        };
        Ok(LiveSession {
            runtime: wish.runtime.to_owned(),
            image,
            registries,
            sandbox,
        })
    }

    async fn start_in(
        &self,
        chosen: Result<ChosenImage, EngineError>,
        runtime: &str,
    ) -> Result<(Sandbox, ChosenImage), EngineError> {
        let chosen = chosen?;
        check_options(&self.0.options, &*self.0.backend)?;
        let spec = self.0.sandbox_spec(&chosen.details, runtime)?;
        let sandbox = Sandbox::start(&self.0.backend, &spec).await;
        Ok((sandbox.map_err(|error| chosen.explain(error))?, chosen))
    }
}

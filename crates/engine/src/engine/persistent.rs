//! The one sandbox of a persistent engine, and the calls that queue for it.

use std::sync::{Mutex as StdMutex, PoisonError};

use isol8_protocol::AfterExit;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit};

use super::{
    admission::{Call, Place},
    choice::{Chosen, Fitted},
    top::Engine,
    trail::Trail,
};
use crate::{
    error::EngineError,
    execution::{self, Outcome, Run, Sink, run},
    options::Mode,
    plan::ExecutionPlan,
    request::ExecutionRequest,
    sandbox::Sandbox,
};

/// The sandbox of a persistent engine. Its lock is fair: calls are served in order of arrival.
#[derive(Default)]
pub(super) struct Session {
    live: Mutex<Option<Live>>,
    container_id: StdMutex<Option<String>>,
}

struct Live {
    runtime: String,
    image: Chosen,
    /// Registries that the image names, read before the first program.
    registries: Vec<String>,
    sandbox: Sandbox,
}

impl Session {
    pub(super) fn container_id(&self) -> Option<String> {
        self.container_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_container_id(&self, id: Option<String>) {
        *self
            .container_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Removes the sandbox, unless it is to persist.
    pub(super) async fn close(&self) {
        let live = self.live.lock().await.take();
        self.set_container_id(None);
        let Some(Live { sandbox, .. }) = live else {
            return;
        };
        if sandbox.persists() {
            sandbox.release();
        } else if let Err(error) = sandbox.destroy().await {
            tracing::debug!(%error, "sandbox was not removed");
        }
    }
}

impl Engine {
    pub(super) async fn run_persistent(
        &self,
        plan: ExecutionPlan,
        request: &ExecutionRequest,
        sink: &Sink,
        trail: &Trail<'_>,
    ) -> Result<(Outcome, String), EngineError> {
        let session = &self.0.session;
        let mut live = session.live.lock().await;
        if let Some(current) = &*live
            && current.runtime != plan.runtime
        {
            return Err(EngineError::RuntimeSwitch {
                from: current.runtime.clone(),
                to: plan.runtime,
            });
        }
        if live
            .as_ref()
            .is_none_or(|current| !current.sandbox.is_alive())
        {
            session.set_container_id(None);
            *live = None;
            let (sandbox, image) = self.start_session(&plan).await?;
            let registries = match plan.registry_files {
                Some(files) => execution::image_registries_of(&sandbox, files).await?,
                None => Vec::new(),
            };
            session.set_container_id(Some(sandbox.id().to_owned()));
            *live = Some(Live {
                runtime: plan.runtime.clone(),
                image,
                registries,
                sandbox,
            });
        }
        let Some(Live {
            sandbox,
            image,
            registries,
            ..
        }) = &*live
        else {
            return Err(EngineError::SandboxLost);
        };
        trail.enter(sandbox.id());
        tracing::debug!(container = sandbox.id(), "the session's sandbox");
        let Fitted {
            plan,
            prepare,
            image_setup,
        } = self.fit(plan, image, request)?;
        let outcome = run(Run {
            options: &self.0.options,
            network: &self.0.network,
            sandbox,
            plan,
            prepare,
            image_setup,
            image_registries: Some(registries.clone()),
            after_exit: AfterExit::Keep,
            sink,
        })
        .await?;
        Ok((outcome, sandbox.id().to_owned()))
    }

    async fn start_session(&self, plan: &ExecutionPlan) -> Result<(Sandbox, Chosen), EngineError> {
        let chosen = self.choose(plan).await?;
        match self.start_in(&chosen, plan).await {
            Err(error) if error.is_image_missing() => {
                let chosen = self.choose_again(chosen, plan).await?;
                Ok((self.start_in(&chosen, plan).await?, chosen))
            }
            sandbox => Ok((sandbox?, chosen)),
        }
    }

    async fn start_in(
        &self,
        chosen: &Chosen,
        plan: &ExecutionPlan,
    ) -> Result<Sandbox, EngineError> {
        let spec = self.0.sandbox_spec(chosen.image.clone(), &plan.runtime)?;
        Sandbox::start(&self.0.backend, &spec).await
    }

    /// Creates or replaces a file in the sandbox of a persistent engine, with its parent folders.
    /// The place in the order of calls is taken by the call, not when the future is first polled.
    pub fn put_file<P, D>(
        &self,
        path: P,
        data: D,
    ) -> impl Future<Output = Result<(), EngineError>> + Send + use<P, D>
    where
        P: AsRef<str> + Send + Sync,
        D: AsRef<[u8]> + Send + Sync,
    {
        let (engine, Call { place, life }) = (self.clone(), self.0.admission.call());
        async move {
            let work = async {
                let (_turn, live) = engine.file_turn(place).await?;
                let Live { sandbox, .. } = live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                let (path, data) = (path.as_ref(), data.as_ref());
                tracing::debug!(path, bytes = data.len(), "writing a file");
                execution::write_file(sandbox, path, data).await
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// Contents of a file in the sandbox of a persistent engine. The place in the order of calls is
    /// taken by the call, not when the future is first polled.
    pub fn get_file<P>(
        &self,
        path: P,
    ) -> impl Future<Output = Result<Vec<u8>, EngineError>> + Send + use<P>
    where
        P: AsRef<str> + Send + Sync,
    {
        let (engine, Call { place, life }) = (self.clone(), self.0.admission.call());
        async move {
            let work = async {
                let (_turn, live) = engine.file_turn(place).await?;
                let Live { sandbox, .. } = live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                tracing::debug!(path = path.as_ref(), "reading a file");
                execution::read_file(sandbox, path.as_ref()).await
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// The turn of a file call. An ephemeral engine has no sandbox to wait for.
    async fn file_turn(
        &self,
        place: Place,
    ) -> Result<(OwnedSemaphorePermit, MutexGuard<'_, Option<Live>>), EngineError> {
        if self.0.options.mode == Mode::Ephemeral {
            return Err(EngineError::NoActiveContainer);
        }
        let turn = place.turn().await?;
        Ok((turn, self.0.session.live.lock().await))
    }
}

//! The one sandbox of a persistent engine, and the calls that queue for it.

use std::sync::{Mutex as StdMutex, PoisonError};

use isol8_protocol::AfterExit;
use tokio::sync::Mutex;

use super::top::Engine;
use crate::{
    error::EngineError,
    execution::{self, Outcome, Run, Sink, run},
    plan::ExecutionPlan,
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
        sink: &Sink,
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
            let sandbox = self.start_session(&plan).await?;
            session.set_container_id(Some(sandbox.id().to_owned()));
            *live = Some(Live {
                runtime: plan.runtime.clone(),
                sandbox,
            });
        }
        let Some(Live { sandbox, .. }) = &*live else {
            return Err(EngineError::SandboxLost);
        };
        let outcome = run(Run {
            options: &self.0.options,
            network: &self.0.network,
            sandbox,
            plan,
            image_setup: None,
            after_exit: AfterExit::Keep,
            sink,
        })
        .await?;
        Ok((outcome, sandbox.id().to_owned()))
    }

    async fn start_session(&self, plan: &ExecutionPlan) -> Result<Sandbox, EngineError> {
        let spec = self
            .0
            .sandbox_spec(plan.image_name().to_owned(), &plan.runtime)?;
        match Sandbox::start(&self.0.backend, &spec).await {
            Err(EngineError::ImageMissing { image }) => {
                self.0.images.provide(&self.0.registry, &image).await?;
                Sandbox::start(&self.0.backend, &spec).await
            }
            started => started,
        }
    }

    /// Creates or replaces a file in the sandbox of a persistent engine, with its parent folders.
    pub async fn put_file(&self, path: &str, data: &[u8]) -> Result<(), EngineError> {
        let live = self.0.session.live.lock().await;
        let Live { sandbox, .. } = live.as_ref().ok_or(EngineError::NoActiveContainer)?;
        execution::write_file(sandbox, path, data).await
    }

    /// Contents of a file in the sandbox of a persistent engine.
    pub async fn get_file(&self, path: &str) -> Result<Vec<u8>, EngineError> {
        let live = self.0.session.live.lock().await;
        let Live { sandbox, .. } = live.as_ref().ok_or(EngineError::NoActiveContainer)?;
        execution::read_file(sandbox, path).await
    }
}

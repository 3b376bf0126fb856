//! The one sandbox of a persistent engine, and the calls that queue for it.

use std::sync::{Mutex as StdMutex, OnceLock, PoisonError};

use isol8_api::result::SessionReset;
use isol8_protocol::AfterExit;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::{
    admission::{Call, Place},
    choice::{Chosen, FittedPlan},
    top::Engine,
    trail::Trail,
};
use crate::{
    error::EngineError,
    execution::{self, Outcome, Run, Sink, run},
    options::Mode,
    plan::ExecutionPlan,
    sandbox::Sandbox,
};

/// The sandbox of a persistent engine. Its lock is fair: calls are served in order of arrival.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    container_id: StdMutex<Option<String>>,
}

#[derive(Default)]
struct State {
    live: Option<Live>,
    /// Why variables or more were lost, until a result says so.
    reset: Option<SessionReset>,
}

impl State {
    /// Forgets a sandbox that has ended. Fails once for each: the caller has to know that its files are
    /// gone before anything else is run.
    fn check(&mut self) -> Result<(), EngineError> {
        if self.live.take_if(|live| !live.sandbox.is_alive()).is_none() {
            return Ok(());
        }
        self.reset = Some(SessionReset::SandboxLost);
        Err(EngineError::SandboxLost)
    }

    /// Passes `outcome` on, and forgets the sandbox when it says that it was lost.
    fn note<T>(&mut self, outcome: Result<T, EngineError>) -> Result<T, EngineError> {
        if matches!(outcome, Err(EngineError::SandboxLost)) && self.live.take().is_some() {
            self.reset = Some(SessionReset::SandboxLost);
        }
        outcome
    }
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
        let State { live, .. } = std::mem::take(&mut *self.state.lock().await);
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
        cancel: &CancellationToken,
        trail: &Trail<'_>,
    ) -> Result<(Outcome, String), EngineError> {
        let session = &self.0.session;
        let mut state = session.state.lock().await;
        if let Err(lost) = state.check() {
            session.set_container_id(None);
            return Err(lost);
        }
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
            state.live = Some(Live {
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
        }) = &state.live
        else {
            return Err(EngineError::SandboxLost);
        };
        trail.enter(sandbox.id());
        tracing::debug!(container = sandbox.id(), "the session's sandbox");
        let FittedPlan {
            plan,
            prepare,
            image_setup,
        } = self.fit(plan, image);
        let session_loss = OnceLock::new();
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
                let (_turn, mut state) = engine.file_turn(place).await?;
                let Live { sandbox, .. } =
                    state.live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                let (path, data) = (path.as_ref(), data.as_ref());
                tracing::debug!(path, bytes = data.len(), "writing a file");
                let written = execution::write_file(sandbox, path, data).await;
                state.note(written)
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
                let (_turn, mut state) = engine.file_turn(place).await?;
                let Live { sandbox, .. } =
                    state.live.as_ref().ok_or(EngineError::NoActiveContainer)?;
                tracing::debug!(path = path.as_ref(), "reading a file");
                let read = execution::read_file(sandbox, path.as_ref()).await;
                state.note(read)
            };
            let done = life.run_until_cancelled(work).await;
            done.unwrap_or(Err(EngineError::Stopped))
        }
    }

    /// The turn of a file call. An ephemeral engine has no sandbox to wait for.
    async fn file_turn(
        &self,
        place: Place,
    ) -> Result<(OwnedSemaphorePermit, MutexGuard<'_, State>), EngineError> {
        if self.0.options.mode == Mode::Ephemeral {
            return Err(EngineError::NoActiveContainer);
        }
        let turn = place.turn().await?;
        let mut state = self.0.session.state.lock().await;
        state.check()?;
        Ok((turn, state))
    }
}

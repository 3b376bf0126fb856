//! The one sandbox of a persistent engine, and what its calls share.

use std::sync::{Mutex as StdMutex, PoisonError};

use isol8_api::result::SessionReset;
use tokio::sync::{Notify, RwLock, RwLockReadGuard, RwLockWriteGuard, futures::Notified};

use super::chosen_image::ChosenImage;
use crate::{error::EngineError, sandbox::Sandbox};

/// The sandbox of a persistent engine. A program and any number of file calls use it at a time. What changes
/// it, such as its start, has it to itself.
#[derive(Default)]
pub(super) struct Session {
    live: RwLock<Option<LiveSession>>,
    /// Told when there is a sandbox.
    begun: Notify,
    /// Why variables or more were lost, until a result reports it.
    reset: StdMutex<Option<SessionReset>>,
    container_id: StdMutex<Option<String>>,
}

/// A sandbox that has been started for a session.
pub(super) struct LiveSession {
    pub(super) runtime: String,
    pub(super) image: ChosenImage,
    /// Package registries that the image names, read before the first program.
    pub(super) registries: Vec<String>,
    pub(super) sandbox: Sandbox,
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

    /// Notes the sandbox that has been started.
    pub(super) fn begin(&self, place: &mut Option<LiveSession>, live: LiveSession) {
        self.set_container_id(Some(live.sandbox.id().to_owned()));
        *place = Some(live);
        self.begun.notify_waiters();
    }

    /// Completes when a sandbox has been started since this was made.
    pub(super) fn begun(&self) -> Notified<'_> {
        self.begun.notified()
    }

    /// The session for whoever changes it. Forgets a sandbox that has ended, and fails once for each of these: the
    /// caller has to know that its files are gone before anything else is run.
    pub(super) async fn change(
        &self,
    ) -> Result<RwLockWriteGuard<'_, Option<LiveSession>>, EngineError> {
        let mut live = self.live.write().await;
        if live.take_if(|live| !live.sandbox.is_alive()).is_none() {
            return Ok(live);
        }
        self.set_container_id(None);
        *self.reset() = Some(SessionReset::SandboxLost);
        Err(EngineError::SandboxLost)
    }

    /// The session for a file call, beside whatever runs in it. Fails as [`Self::change`] does.
    pub(super) async fn share(
        &self,
    ) -> Result<RwLockReadGuard<'_, Option<LiveSession>>, EngineError> {
        let live = self.live.read().await;
        if live.as_ref().is_none_or(|live| live.sandbox.is_alive()) {
            return Ok(live);
        }
        drop(live);
        Ok(self.change().await?.downgrade())
    }

    /// Notes that the interpreter lost its state, unless something worse is noted.
    pub(super) fn note_reset(&self, reset: SessionReset) {
        self.reset().get_or_insert(reset);
    }

    /// Why something was lost since the last result.
    pub(super) fn take_reset(&self) -> Option<SessionReset> {
        self.reset().take()
    }

    fn reset(&self) -> std::sync::MutexGuard<'_, Option<SessionReset>> {
        self.reset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the outcome of a call, and forgets the sandbox when the error is that it was lost.
    pub(super) async fn note<T>(&self, outcome: Result<T, EngineError>) -> Result<T, EngineError> {
        if matches!(outcome, Err(EngineError::SandboxLost))
            && self.live.write().await.take().is_some()
        {
            self.set_container_id(None);
            *self.reset() = Some(SessionReset::SandboxLost);
        }
        outcome
    }

    /// Removes the sandbox, unless it is to persist.
    pub(super) async fn close(&self) {
        let live = self.live.write().await.take();
        self.take_reset();
        self.set_container_id(None);
        let Some(LiveSession { sandbox, .. }) = live else {
            return;
        };
        if sandbox.persists() {
            sandbox.release();
        } else if let Err(error) = sandbox.destroy().await {
            tracing::debug!(%error, "sandbox was not removed");
        }
    }
}

//! The one sandbox of a persistent engine, and what the calls that queue for it share.

use std::sync::{Mutex as StdMutex, PoisonError};

use isol8_api::result::SessionReset;
use tokio::sync::{Mutex, MutexGuard};

use super::chosen_image::ChosenImage;
use crate::{error::EngineError, sandbox::Sandbox};

/// The sandbox of a persistent engine. Its lock is fair: calls are served in order of arrival.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<SessionState>,
    container_id: StdMutex<Option<String>>,
}

/// What the calls of a session share.
#[derive(Default)]
pub(super) struct SessionState {
    pub(super) live: Option<LiveSession>,
    /// Why variables or more were lost, until a result reports it.
    pub(super) reset: Option<SessionReset>,
}

impl SessionState {
    /// Forgets a sandbox that has ended. Fails once for each such sandbox: the caller has to know that its
    /// files are gone before anything else is run.
    fn check(&mut self) -> Result<(), EngineError> {
        if self.live.take_if(|live| !live.sandbox.is_alive()).is_none() {
            return Ok(());
        }
        self.reset = Some(SessionReset::SandboxLost);
        Err(EngineError::SandboxLost)
    }

    /// Returns `outcome`, and forgets the sandbox when the error is that it was lost.
    pub(super) fn note<T>(&mut self, outcome: Result<T, EngineError>) -> Result<T, EngineError> {
        if matches!(outcome, Err(EngineError::SandboxLost)) && self.live.take().is_some() {
            self.reset = Some(SessionReset::SandboxLost);
        }
        outcome
    }
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

    pub(super) fn set_container_id(&self, id: Option<String>) {
        *self
            .container_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Waits for the calls before this one. Fails when the sandbox has ended since the last call.
    pub(super) async fn lock(&self) -> Result<MutexGuard<'_, SessionState>, EngineError> {
        let mut state = self.state.lock().await;
        state.check().inspect_err(|_| self.set_container_id(None))?;
        Ok(state)
    }

    /// Removes the sandbox, unless it is to persist.
    pub(super) async fn close(&self) {
        let SessionState { live, .. } = std::mem::take(&mut *self.state.lock().await);
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

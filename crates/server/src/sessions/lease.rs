//! The use of a session by one request.

use std::sync::{Arc, atomic::Ordering};

use isol8_engine::Engine;
use tokio::sync::OwnedSemaphorePermit;

use super::{ById, Key, Session, lock};
use crate::error::ApiError;

/// A session that somebody uses. It is not pruned meanwhile. One that has run nothing is forgotten with its last lease.
pub(crate) struct SessionLease {
    pub(super) session: Arc<Session>,
    pub(super) by_id: Arc<ById>,
    pub(super) key: Key,
}

impl SessionLease {
    /// The session's engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.session.engine
    }

    /// Counts an execution that is about to begin.
    pub(crate) fn begin(&self) {
        self.session.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets an execution that was refused, and has changed nothing.
    pub(crate) fn refused(&self) {
        self.session.accepted.fetch_sub(1, Ordering::Relaxed);
    }

    /// The turn of a call, if nobody has it.
    pub(crate) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.session.turn).try_acquire_owned().ok()
    }

    /// Waits for the turn of a call, in order of arrival. It lasts until the permit is dropped.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.session.turn).acquire_owned().await;
        // Closed when the session is removed.
        turn.map_err(|_| ApiError::NoSession)
    }

    /// Waits for the call that makes the session's sandbox, if there is none yet. Files need no turn then: they can be
    /// written and read while a program runs.
    pub(crate) async fn begun(&self) -> Result<(), ApiError> {
        if self.session.engine.container_id().is_none() {
            drop(self.turn().await?);
        }
        Ok(())
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        self.session.touch();
        if self.session.accepted.load(Ordering::Relaxed) > 0 {
            return;
        }
        let mut by_id = lock(&self.by_id);
        let is_kept = by_id
            .get(&self.key)
            .is_some_and(|kept| Arc::ptr_eq(kept, &self.session));
        // One is kept, and this lease has the other.
        if is_kept && Arc::strong_count(&self.session) == 2 {
            by_id.remove(&self.key);
        }
    }
}

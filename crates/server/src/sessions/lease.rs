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
        // The lock comes first: another lease may begin an execution and end before this one. Its count is visible then.
        let mut by_id = lock(&self.by_id);
        if self.session.accepted.load(Ordering::Relaxed) > 0 {
            return;
        }
        let is_kept = by_id
            .get(&self.key)
            .is_some_and(|kept| Arc::ptr_eq(kept, &self.session));
        // One is kept, and this lease has the other.
        if is_kept && Arc::strong_count(&self.session) == 2 {
            by_id.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, atomic::AtomicU64},
        time::Duration,
    };

    use isol8_api::options::RawOptions;
    use isol8_engine::options::Options;
    use isol8_fakes::{FakeBackend, FakeImages};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{callers::Owner, limits::Budget};

    #[tokio::test]
    async fn a_session_whose_program_begins_while_a_lease_ends_is_kept() {
        let options = Options::try_from(RawOptions::default()).unwrap();
        let engine = Engine::new(options, 1, FakeBackend::new([]), FakeImages::new([])).unwrap();
        let session = Arc::new(Session {
            engine,
            turn: Arc::new(Semaphore::new(1)),
            last_accessed_ms: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            _secrets: Budget::new(1024, 1).open(&Owner::Operator),
        });
        let key = (Owner::Operator, "s".to_owned());
        let by_id: Arc<ById> = Arc::new(Mutex::default());
        lock(&by_id).insert(key.clone(), Arc::clone(&session));
        let lease = |session| SessionLease {
            session,
            by_id: Arc::clone(&by_id),
            key: key.clone(),
        };
        let (idle, runs) = (lease(Arc::clone(&session)), lease(session));
        std::thread::scope(|scope| {
            let map = lock(&by_id);
            scope.spawn(|| drop(idle));
            // The first end has time to come as far as the lock.
            std::thread::sleep(Duration::from_millis(50));
            runs.begin();
            scope.spawn(|| drop(runs));
            std::thread::sleep(Duration::from_millis(50));
            drop(map);
        });
        assert!(lock(&by_id).contains_key(&key));
        // One that has run nothing is forgotten.
        let session = Arc::clone(&lock(&by_id)[&key]);
        session.accepted.store(0, Ordering::Relaxed);
        drop(lease(session));
        assert!(lock(&by_id).is_empty());
    }
}

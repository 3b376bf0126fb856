//! Sessions: persistent engines under the ids that clients have chosen.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use isol8_api::{http::SessionInfo, options::RawOptions};
use isol8_engine::{Engine, options::Options};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::ApiError,
    place::Place,
    time::{iso8601, now_ms},
};

/// Most sessions of a server.
const MAX_SESSIONS: usize = 1000;

/// Longest id of a session in bytes.
const MAX_ID_BYTES: usize = 256;

/// The sessions of a server.
pub(crate) struct Sessions {
    place: Arc<dyn Place>,
    by_id: Mutex<HashMap<String, Arc<Session>>>,
}

struct Session {
    engine: Engine,
    /// One call at a time, in order of arrival.
    turn: Arc<Semaphore>,
    last_accessed_ms: AtomicU64,
}

impl Session {
    fn touch(&self) {
        self.last_accessed_ms.store(now_ms(), Ordering::Relaxed);
    }
}

/// A session that somebody uses. It is not pruned meanwhile.
pub(crate) struct SessionLease(Arc<Session>);

impl SessionLease {
    /// The session's engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The turn of a call, if nobody has it.
    pub(crate) fn try_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.turn).try_acquire_owned().ok()
    }

    /// Waits for the turn of a call, in order of arrival. It lasts until the permit is dropped.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.0.turn).acquire_owned().await;
        // Closed when the session is removed.
        turn.map_err(|_| ApiError::NoSession)
    }
}

impl Drop for SessionLease {
    fn drop(&mut self) {
        self.0.touch();
    }
}

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(place: Arc<dyn Place>) -> Self {
        Self {
            place,
            by_id: Mutex::default(),
        }
    }

    /// The session `id`; made with these options when there is none. Simultaneous first requests get the
    /// same one.
    pub(crate) fn get_or_make(
        &self,
        id: &str,
        options: impl FnOnce() -> RawOptions,
    ) -> Result<SessionLease, ApiError> {
        check_id(id)?;
        let mut by_id = self.by_id();
        if let Some(session) = by_id.get(id) {
            session.touch();
            return Ok(SessionLease(Arc::clone(session)));
        }
        if by_id.len() >= MAX_SESSIONS {
            let limit = MAX_SESSIONS;
            return Err(ApiError::TooManySessions { limit });
        }
        let raw = RawOptions {
            mode: Some("persistent".to_owned()),
            ..options()
        };
        let options = Options::try_from(raw).map_err(isol8_engine::EngineError::from)?;
        let backend = self.place.backend(options.oci_runtime.as_deref());
        let session = Arc::new(Session {
            engine: Engine::new(options, 1, backend, self.place.images())?,
            turn: Arc::new(Semaphore::new(1)),
            last_accessed_ms: AtomicU64::new(now_ms()),
        });
        by_id.insert(id.to_owned(), Arc::clone(&session));
        Ok(SessionLease(session))
    }

    /// The session `id`.
    pub(crate) fn get(&self, id: &str) -> Result<SessionLease, ApiError> {
        check_id(id)?;
        let by_id = self.by_id();
        let session = by_id.get(id).ok_or(ApiError::NoSession)?;
        session.touch();
        Ok(SessionLease(Arc::clone(session)))
    }

    /// All sessions, by id.
    pub(crate) fn list(&self) -> Vec<SessionInfo> {
        let mut list: Vec<_> = self
            .by_id()
            .iter()
            .map(|(id, session)| SessionInfo {
                id: id.clone(),
                is_active: in_use(session),
                last_accessed_at: iso8601(session.last_accessed_ms.load(Ordering::Relaxed)),
            })
            .collect();
        list.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        list
    }

    /// Ends the session `id` and removes its sandbox; returns when it is gone. Nothing happens when there
    /// is no such session.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), ApiError> {
        check_id(id)?;
        let removed = self.by_id().remove(id);
        end_all(removed).await;
        Ok(())
    }

    /// Ends every session. Returns how many there were, when their sandboxes are gone.
    pub(crate) async fn remove_all(&self) -> u64 {
        let all = std::mem::take(&mut *self.by_id());
        let count = all.len() as u64;
        end_all(all.into_values()).await;
        count
    }

    /// Ends the sessions that nobody uses and nobody has used for this long.
    pub(crate) async fn prune(&self, max_idle: Duration) {
        let oldest =
            now_ms().saturating_sub(u64::try_from(max_idle.as_millis()).unwrap_or(u64::MAX));
        let idle: Vec<_> = self
            .by_id()
            .extract_if(|_, session| {
                !in_use(session) && session.last_accessed_ms.load(Ordering::Relaxed) < oldest
            })
            .collect();
        for (id, _) in &idle {
            tracing::debug!(session = id, "an idle session is removed");
        }
        end_all(idle.into_iter().map(|(_, session)| session)).await;
    }

    fn by_id(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody has a lease. Leases are made under the lock of the map.
fn in_use(session: &Arc<Session>) -> bool {
    Arc::strong_count(session) > 1
}

async fn end_all(sessions: impl IntoIterator<Item = Arc<Session>>) {
    let ends = sessions.into_iter().map(|session| async move {
        session.turn.close();
        session.engine.stop().await;
    });
    futures::future::join_all(ends).await;
}

/// An id is any text that can be shown in one line.
fn check_id(id: &str) -> Result<(), ApiError> {
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        let message = format!(
            "Invalid sessionId: it must have 1 to {MAX_ID_BYTES} bytes and no control characters"
        );
        return Err(ApiError::Invalid(message));
    }
    Ok(())
}

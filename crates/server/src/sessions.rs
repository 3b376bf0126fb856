//! Sessions: persistent engines under the ids that clients have chosen.

mod lease;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use isol8_api::{http::SessionInfo, options::RawOptions};
use isol8_engine::Engine;
use tokio::sync::Semaphore;

pub(crate) use self::lease::SessionLease;
use crate::{
    callers::{Caller, MAX_ALL_SESSIONS, Owner},
    engines::Makers,
    error::ApiError,
    limits::{Budget, Charge, has_room},
    time::{iso8601, now_ms},
};

/// Longest id of a session in bytes.
const MAX_ID_BYTES: usize = 256;

/// The sessions of a server.
pub(crate) struct Sessions {
    makers: Arc<Makers>,
    budget: Budget,
    by_id: Arc<ById>,
}

type ById = Mutex<HashMap<Key, Arc<Session>>>;

/// Each caller has ids of its own, so that nobody reaches or even notices the sessions of others.
type Key = (Owner, String);

struct Session {
    engine: Engine,
    /// One call at a time, in order of arrival.
    turn: Arc<Semaphore>,
    last_accessed_ms: AtomicU64,
    /// Executions that were not refused. Without any there is no state, and nothing to keep.
    accepted: AtomicU64,
    /// The secrets of its options, which it keeps.
    _secrets: Charge,
}

impl Session {
    fn touch(&self) {
        self.last_accessed_ms.store(now_ms(), Ordering::Relaxed);
    }
}

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(makers: Arc<Makers>, budget: Budget) -> Self {
        Self {
            makers,
            budget,
            by_id: Arc::default(),
        }
    }

    /// The caller's session `id`; made with these options when there is none. Simultaneous first requests get the
    /// same one.
    pub(crate) async fn get_or_make(
        &self,
        caller: &Caller,
        id: &str,
        options: impl FnOnce() -> Result<Box<RawOptions>, ApiError>,
    ) -> Result<SessionLease, ApiError> {
        let key = key(&caller.owner, id)?;
        match self.find(&key) {
            Some(session) => Ok(session),
            // In a box: a large future, which few requests need.
            None => Box::pin(self.find_or_make(caller, key, options)).await,
        }
    }

    async fn find_or_make(
        &self,
        caller: &Caller,
        key: Key,
        options: impl FnOnce() -> Result<Box<RawOptions>, ApiError>,
    ) -> Result<SessionLease, ApiError> {
        let turn = self.makers.turn(&caller.owner).await;
        if let Some(session) = self.find(&key) {
            return Ok(session);
        }
        check_room(&self.by_id(), caller)?;
        let mut raw = options()?;
        raw.mode = Some("persistent".to_owned());
        let secrets = self.budget.open(&caller.owner);
        secrets.add(raw.secrets.as_ref().map_or(0, |all| {
            all.0
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum()
        }))?;
        let (engine, _turn) = self.makers.make(turn, raw, 1).await?;
        let session = Arc::new(Session {
            engine,
            turn: Arc::new(Semaphore::new(1)),
            last_accessed_ms: AtomicU64::new(now_ms()),
            accepted: AtomicU64::new(0),
            _secrets: secrets,
        });
        let mut by_id = self.by_id();
        check_room(&by_id, caller)?;
        by_id.insert(key.clone(), Arc::clone(&session));
        drop(by_id);
        Ok(self.lease(session, key))
    }

    fn find(&self, key: &Key) -> Option<SessionLease> {
        let session = Arc::clone(self.by_id().get(key)?);
        session.touch();
        Some(self.lease(session, key.clone()))
    }

    fn lease(&self, session: Arc<Session>, key: Key) -> SessionLease {
        SessionLease {
            session,
            by_id: Arc::clone(&self.by_id),
            key,
        }
    }

    /// The session `id` of `owner`.
    pub(crate) fn get(&self, owner: &Owner, id: &str) -> Result<SessionLease, ApiError> {
        self.find(&key(owner, id)?).ok_or(ApiError::NoSession)
    }

    /// The sessions of `owner`, by id. The operator sees those of tenants as well.
    pub(crate) fn list(&self, owner: &Owner) -> Vec<SessionInfo> {
        let mut list: Vec<_> = self
            .by_id()
            .iter()
            .filter(|((of, _), _)| *owner == Owner::Operator || of == owner)
            .map(|((of, id), session)| SessionInfo {
                tenant_id: match owner {
                    Owner::Operator => of.tenant_id().map(str::to_owned),
                    Owner::Tenant(_) => None,
                },
                id: id.clone(),
                is_active: in_use(session),
                last_accessed_at: iso8601(session.last_accessed_ms.load(Ordering::Relaxed)),
            })
            .collect();
        list.sort_unstable_by(|a, b| (&a.tenant_id, &a.id).cmp(&(&b.tenant_id, &b.id)));
        list
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id().len()
    }

    /// Ends the session `id` of `owner` and removes its sandbox; returns when it is gone. Nothing happens when there
    /// is no such session.
    pub(crate) async fn remove(&self, owner: &Owner, id: &str) -> Result<(), ApiError> {
        let key = key(owner, id)?;
        let removed = self.by_id().remove(&key);
        end_all(removed).await;
        Ok(())
    }

    /// Ends the sessions of `owner`. Returns how many there were, when their sandboxes are gone.
    pub(crate) async fn remove_all_of(&self, owner: &Owner) -> u64 {
        let all: Vec<_> = self.by_id().extract_if(|(of, _), _| of == owner).collect();
        let count = all.len() as u64;
        end_all(all.into_iter().map(|(_, session)| session)).await;
        count
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
        for ((owner, id), _) in &idle {
            tracing::debug!(%owner, session = id, "an idle session is removed");
        }
        end_all(idle.into_iter().map(|(_, session)| session)).await;
    }

    fn by_id(&self) -> MutexGuard<'_, HashMap<Key, Arc<Session>>> {
        lock(&self.by_id)
    }
}

fn lock(by_id: &ById) -> MutexGuard<'_, HashMap<Key, Arc<Session>>> {
    by_id.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there may be one more session.
fn check_room(by_id: &HashMap<Key, Arc<Session>>, caller: &Caller) -> Result<(), ApiError> {
    if by_id.len() >= MAX_ALL_SESSIONS {
        let limit = MAX_ALL_SESSIONS;
        return Err(ApiError::TooManySessions { limit });
    }
    let limit = caller.policy.max_sessions;
    let own = count_of(by_id, &caller.owner);
    if own >= limit {
        return Err(ApiError::tenant_limit("maxSessions", &limit, None));
    }
    if !has_room(&caller.owner, own, by_id.len(), MAX_ALL_SESSIONS) {
        return Err(ApiError::Crowded { what: "sessions" });
    }
    Ok(())
}

fn count_of(by_id: &HashMap<Key, Arc<Session>>, owner: &Owner) -> usize {
    by_id.keys().filter(|(of, _)| of == owner).count()
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

/// The key of a session. An id is any text that can be shown in one line.
fn key(owner: &Owner, id: &str) -> Result<Key, ApiError> {
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        let message = format!(
            "Invalid sessionId: it must have 1 to {MAX_ID_BYTES} bytes and no control characters"
        );
        return Err(ApiError::Invalid(message));
    }
    Ok((owner.clone(), id.to_owned()))
}

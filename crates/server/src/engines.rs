//! Engines that requests with equal options share, so that their pools help. Their number is bounded, and
//! those that nobody has used for a while are let go.

mod makers;

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use isol8_api::options::RawOptions;
use isol8_engine::{Engine, EngineError, options::Secrets};

pub(crate) use self::makers::Makers;
use crate::callers::Owner;

/// Most engines that are kept. A request that finds them all in use has one to itself.
const MAX_ENGINES: usize = 32;

/// Most engines that are kept for one tenant, so that none takes the room of others.
const MAX_ENGINES_OF_TENANT: usize = 8;

/// How long an engine is kept that nobody uses.
const MAX_IDLE: Duration = Duration::from_mins(5);

/// The engines of a server.
pub(crate) struct Engines {
    makers: Arc<Makers>,
    max_concurrent: usize,
    /// By who they serve and by their options, without secrets.
    kept: Mutex<HashMap<Key, Kept>>,
}

/// A sandbox that ran one tenant's program never serves another: each has engines of its own.
type Key = (Owner, String);

struct Kept {
    engine: Engine,
    uses: Uses,
}

impl Kept {
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.uses) == 1
    }

    fn last_used(&self) -> Instant {
        *self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the last use of an engine has ended. The kept engine has one clone, and each lease has one more.
type Uses = Arc<Mutex<Instant>>;

/// A use of an engine, which ends when this is dropped.
struct InUse(Uses);

impl Drop for InUse {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// An engine for one request. The engine is kept at least as long as this.
pub(crate) struct EngineLease {
    /// The engine, with the request's own secrets.
    pub(crate) engine: Engine,
    _in_use: InUse,
}

impl Engines {
    /// No engines yet. Each will run at most `max_concurrent` executions at a time.
    pub(crate) fn new(makers: Arc<Makers>, max_concurrent: usize) -> Self {
        Self {
            makers,
            max_concurrent,
            kept: Mutex::default(),
        }
    }

    /// The engine of `owner` for these options. Secrets are no part of what makes engines equal: each request
    /// brings its own.
    pub(crate) async fn get(
        &self,
        owner: &Owner,
        mut raw: Box<RawOptions>,
    ) -> Result<EngineLease, EngineError> {
        let secrets = mem::take(&mut raw.secrets);
        let options = serde_json::to_string(&raw)
            .map_err(|error| EngineError::Internal(error.to_string()))?;
        let key = (owner.clone(), options);
        let found = match self.find(&key) {
            Some(found) => found,
            // In a box: a large future, which few requests need.
            None => Box::pin(self.find_or_make(key, raw)).await?,
        };
        let Some(secrets) = secrets.filter(|secrets| !secrets.0.is_empty()) else {
            return Ok(found);
        };
        Ok(EngineLease {
            engine: found.engine.with_secrets(Secrets::try_from(secrets)?),
            ..found
        })
    }

    fn find(&self, key: &Key) -> Option<EngineLease> {
        self.kept().get(key).map(|found| EngineLease {
            engine: found.engine.clone(),
            _in_use: InUse(Arc::clone(&found.uses)),
        })
    }

    async fn find_or_make(
        &self,
        key: Key,
        raw: Box<RawOptions>,
    ) -> Result<EngineLease, EngineError> {
        let turn = self.makers.turn(&key.0).await;
        // Another request has made it meanwhile, perhaps.
        if let Some(found) = self.find(&key) {
            return Ok(found);
        }
        let (engine, _turn) = self.makers.make(turn, raw, self.max_concurrent).await?;
        Ok(self.add(key, engine))
    }

    fn add(&self, key: Key, engine: Engine) -> EngineLease {
        let mut kept = self.kept();
        let uses = Arc::new(Mutex::new(Instant::now()));
        let lease = EngineLease {
            engine: engine.clone(),
            _in_use: InUse(Arc::clone(&uses)),
        };
        let is_tenant = key.0 != Owner::Operator;
        let own = kept.keys().filter(|(owner, _)| *owner == key.0).count();
        let has_many = is_tenant && own >= MAX_ENGINES_OF_TENANT;
        if has_many || kept.len() >= MAX_ENGINES {
            let oldest = kept
                .iter()
                .filter(|((owner, _), engine)| engine.is_idle() && (!has_many || *owner == key.0))
                .min_by_key(|(_, engine)| engine.last_used())
                .map(|(key, _)| key.clone());
            match oldest {
                // Its sandboxes end in the background.
                Some(oldest) => kept.remove(&oldest),
                None => return lease,
            };
        }
        kept.insert(key, Kept { engine, uses });
        lease
    }

    /// How many engines are kept, and how many sandboxes wait in their pools.
    pub(crate) fn count(&self) -> (usize, usize) {
        let kept = self.kept();
        let idle = kept.values().map(|kept| kept.engine.idle_sandboxes());
        (kept.len(), idle.sum())
    }

    /// Lets go of the engines that nobody has used for five minutes.
    pub(crate) fn release_idle(&self) {
        self.release(MAX_IDLE);
    }

    fn release(&self, max_idle: Duration) {
        self.kept()
            .retain(|_, kept| !kept.is_idle() || kept.last_used().elapsed() < max_idle);
    }

    /// Removes the sandboxes of every engine that nobody uses, and waits until they are gone.
    pub(crate) async fn stop_idle(&self) {
        let idle: Vec<_> = self.kept().extract_if(|_, kept| kept.is_idle()).collect();
        let stops = idle.iter().map(|(_, kept)| kept.engine.stop());
        futures::future::join_all(stops).await;
    }

    /// Ends every execution and removes every sandbox; returns when they are gone.
    pub(crate) async fn stop_all(&self) {
        let all = mem::take(&mut *self.kept());
        let stops = all.values().map(|kept| kept.engine.stop());
        futures::future::join_all(stops).await;
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(
    clippy::used_underscore_binding,
    reason = "the field is there for its drop; tests compare it"
)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::place::Nowhere;

    fn options(pids: usize) -> Box<RawOptions> {
        serde_json::from_value(json!({"pidsLimit": pids, "secrets": {"N": pids.to_string()}}))
            .unwrap()
    }

    #[tokio::test]
    async fn equal_options_share_an_engine_whatever_their_secrets() {
        let engines = Engines::new(Arc::new(Makers::new(Arc::new(Nowhere))), 2);
        let mut other = options(1);
        other.secrets = None;
        let first = engines.get(&Owner::Operator, options(1)).await.unwrap();
        let second = engines.get(&Owner::Operator, other).await.unwrap();
        assert!(Arc::ptr_eq(&first._in_use.0, &second._in_use.0));
        let third = engines.get(&Owner::Operator, options(2)).await.unwrap();
        assert!(!Arc::ptr_eq(&first._in_use.0, &third._in_use.0));
    }

    #[tokio::test]
    async fn each_tenant_has_engines_of_its_own_and_cannot_take_the_room_of_others() {
        let engines = Engines::new(Arc::new(Makers::new(Arc::new(Nowhere))), 2);
        let tenant = |id: &str| Owner::Tenant(id.into());
        let operators = engines.get(&Owner::Operator, options(1)).await.unwrap();
        let a = engines.get(&tenant("a"), options(1)).await.unwrap();
        let b = engines.get(&tenant("b"), options(1)).await.unwrap();
        for (one, other) in [(&operators, &a), (&a, &b), (&operators, &b)] {
            assert!(!Arc::ptr_eq(&one._in_use.0, &other._in_use.0));
        }
        let again = engines.get(&tenant("a"), options(1)).await.unwrap();
        assert!(Arc::ptr_eq(&again._in_use.0, &a._in_use.0));
        drop((operators, b));
        for pids in 1..=2 * MAX_ENGINES {
            drop(engines.get(&tenant("a"), options(pids)).await.unwrap());
        }
        let of = |owner: &Owner| engines.kept().keys().filter(|key| key.0 == *owner).count();
        assert_eq!(of(&tenant("a")), MAX_ENGINES_OF_TENANT);
        assert_eq!((of(&Owner::Operator), of(&tenant("b"))), (1, 1));
    }

    #[tokio::test]
    async fn the_number_of_engines_is_bounded_and_the_oldest_idle_one_goes() {
        let engines = Engines::new(Arc::new(Makers::new(Arc::new(Nowhere))), 2);
        let mut busy = Vec::new();
        for pids in 1..MAX_ENGINES {
            busy.push(engines.get(&Owner::Operator, options(pids)).await.unwrap());
        }
        drop(
            engines
                .get(&Owner::Operator, options(MAX_ENGINES))
                .await
                .unwrap(),
        );
        let last = engines
            .get(&Owner::Operator, options(MAX_ENGINES + 1))
            .await
            .unwrap();
        assert_eq!(engines.kept().len(), MAX_ENGINES);
        // All are in use now: this one is not kept.
        drop(
            engines
                .get(&Owner::Operator, options(MAX_ENGINES + 2))
                .await
                .unwrap(),
        );
        assert_eq!(engines.kept().len(), MAX_ENGINES);
        let again = engines.get(&Owner::Operator, options(1)).await.unwrap();
        assert!(Arc::ptr_eq(&again._in_use.0, &busy[0]._in_use.0));
        drop(last);
    }

    #[tokio::test]
    async fn an_engine_is_idle_from_the_end_of_its_last_use() {
        let engines = Engines::new(Arc::new(Makers::new(Arc::new(Nowhere))), 2);
        let used = engines.get(&Owner::Operator, options(1)).await.unwrap();
        let kept_at = |engines: &Engines| engines.kept().values().next().map(Kept::last_used);
        let begin = kept_at(&engines).unwrap();
        engines.release(Duration::ZERO);
        assert_eq!(kept_at(&engines), Some(begin), "it is in use");
        while Instant::now() <= begin {}
        drop(used);
        assert!(kept_at(&engines).unwrap() > begin);
        engines.release(Duration::ZERO);
        assert_eq!(kept_at(&engines), None);
    }

    #[tokio::test]
    async fn options_that_are_not_acceptable_leave_nothing_behind() {
        let engines = Engines::new(Arc::new(Makers::new(Arc::new(Nowhere))), 2);
        assert!(engines.get(&Owner::Operator, options(0)).await.is_err());
        assert!(engines.kept().is_empty());
    }
}

//! What a server knows of the client of a connection: nothing at first, and who it is once it has shown a key.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::strangers::{self, Stranger};
use crate::{
    callers::{Caller, Owner},
    error::ApiError,
    limits::has_room,
};

/// Most connections at a time. More wait to be accepted.
pub(super) const MAX_CONNECTIONS: usize = 4096;

/// Those of them that tenants may have. The others are for clients that have shown no key yet, and for the operator.
const MAX_OF_TENANTS: usize = MAX_CONNECTIONS - strangers::MAX;

/// How many connections each caller has, and all tenants together.
#[derive(Default)]
pub(super) struct Counts(Mutex<All>);

#[derive(Default)]
struct All {
    by_owner: HashMap<Owner, usize>,
    of_tenants: usize,
}

impl All {
    /// Counts one more of `caller`, if it may have that.
    fn add(&mut self, caller: &Caller) -> Result<(), ApiError> {
        let (owner, limit) = (&caller.owner, caller.policy.max_connections);
        let own = self.by_owner.get(owner).copied().unwrap_or(0);
        if own >= limit {
            return Err(ApiError::tenant_limit("maxConnections", &limit, None));
        }
        if let Owner::Tenant(_) = owner {
            if !has_room(owner, own, self.of_tenants, MAX_OF_TENANTS) {
                return Err(ApiError::Crowded {
                    what: "connections",
                });
            }
            self.of_tenants += 1;
        }
        self.by_owner.insert(owner.clone(), own + 1);
        Ok(())
    }

    fn remove(&mut self, owner: &Owner) {
        let Some(count) = self.by_owner.get_mut(owner) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.by_owner.remove(owner);
        }
        if let Owner::Tenant(_) = owner {
            self.of_tenants -= 1;
        }
    }
}

/// The client of one connection. Clones are one client.
#[derive(Clone)]
pub(crate) struct Visitor(Arc<Inner>);

struct Inner {
    counts: Arc<Counts>,
    deadline: Instant,
    who: Mutex<Who>,
}

enum Who {
    Stranger(Stranger),
    Known(Counted),
}

/// A connection that counts for its owner.
struct Counted {
    counts: Arc<Counts>,
    owner: Owner,
}

impl Drop for Counted {
    fn drop(&mut self) {
        lock(&self.counts.0).remove(&self.owner);
    }
}

impl Visitor {
    /// A client that has just connected, and that has to show a key within `patience`.
    pub(super) fn new(stranger: Stranger, counts: Arc<Counts>, patience: Duration) -> Self {
        Self(Arc::new(Inner {
            counts,
            deadline: Instant::now() + patience,
            who: Mutex::new(Who::Stranger(stranger)),
        }))
    }

    /// The client has shown a key: the connection belongs to `caller`. Refused where that has as many as it may have.
    pub(crate) fn introduce(&self, caller: &Caller) -> Result<(), ApiError> {
        let mut who = lock(&self.0.who);
        if let Who::Known(known) = &*who
            && known.owner == caller.owner
        {
            return Ok(());
        }
        lock(&self.0.counts.0).add(caller)?;
        *who = Who::Known(Counted {
            counts: Arc::clone(&self.0.counts),
            owner: caller.owner.clone(),
        });
        Ok(())
    }

    /// Waits until the connection has to end because its client is still a stranger. Never for others.
    pub(super) async fn unwelcome(&self) {
        if let Some(token) = self.token() {
            tokio::select! {
                () = token.cancelled() => {}
                () = sleep_until(self.0.deadline) => {}
            }
            if self.token().is_some() {
                return;
            }
        }
        pending::<()>().await;
    }

    /// What says that a stranger has to make room; none of others.
    fn token(&self) -> Option<CancellationToken> {
        match &*lock(&self.0.who) {
            Who::Stranger(stranger) => Some(stranger.unwelcome.clone()),
            Who::Known(_) => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use isol8_api::config::Config;

    use super::*;
    use crate::callers::Policies;

    #[test]
    fn tenants_with_idle_connections_leave_some_to_others() {
        let policies = Policies::new(&Config::default(), 10, 1).unwrap();
        let caller = |owner: Owner| Caller {
            policy: policies.of(&owner),
            owner,
            key: None,
        };
        let mut all = All::default();
        for id in ["a", "b", "c", "d", "e", "f"] {
            let tenant = caller(Owner::Tenant(id.into()));
            while all.add(&tenant).is_ok() {}
        }
        assert!(all.of_tenants < MAX_OF_TENANTS);
        all.add(&caller(Owner::Tenant("g".into()))).unwrap();
        for _ in 0..5000 {
            all.add(&caller(Owner::Operator)).unwrap();
        }
        let (a, before) = (Owner::Tenant("a".into()), all.of_tenants);
        all.remove(&a);
        assert_eq!((all.of_tenants, all.by_owner[&a]), (before - 1, 1023));
    }
}

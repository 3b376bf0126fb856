//! What a server knows of the client of a connection: nothing at first, and who it is once it has shown a key.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::strangers::Stranger;
use crate::{
    caller::{Caller, Owner},
    error::ApiError,
};

/// How many connections each caller has.
#[derive(Default)]
pub(super) struct Counts(Mutex<HashMap<Owner, usize>>);

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
        let mut counts = lock(&self.counts.0);
        if let Some(count) = counts.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
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
        let limit = caller.policy.max_connections;
        let mut counts = lock(&self.0.counts.0);
        let count = counts.entry(caller.owner.clone()).or_default();
        if *count >= limit {
            return Err(ApiError::tenant_limit("maxConnections", &limit, None));
        }
        *count += 1;
        drop(counts);
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

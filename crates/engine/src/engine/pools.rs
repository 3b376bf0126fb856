//! One pool for each kind of sandbox that this engine has needed lately.

mod kept;
mod kind;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

use isol8_backend::{Backend, SandboxSpec};

#[cfg(test)]
pub(super) use self::kept::MAX_IDLE_SANDBOXES;
use self::kept::{Entry, Kept};
pub(super) use self::kind::Kind;
use super::activity::Activity;
use crate::{
    options::{Options, PoolSize, Preload},
    plan::ParkPlan,
    pool::{Pool, PoolConfig, Wanted},
};

/// Most pools of an engine. The one that was not used for the longest time gives way to a new one.
pub(super) const MAX_POOLS: usize = 16;

/// Most names of one image that are looked up again to learn whether they still mean it.
pub(super) const MAX_NAMES: usize = 8;

/// The pools of an engine.
#[derive(Default)]
pub(super) struct Pools {
    kept: Mutex<Kept>,
    /// Modules to import ahead, once `start` has named some.
    preload: Mutex<Option<Preload>>,
    /// Executions that took an interpreter which was started ahead of them.
    pub(super) parked: AtomicU64,
    /// The calls that use the pools.
    pub(super) activity: Activity,
}

impl Pools {
    /// How many sandboxes wait in all pools.
    pub(super) fn idle(&self) -> usize {
        self.kept()
            .by_kind
            .values()
            .map(|entry| entry.pool.idle())
            .sum()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of this kind, found by this name of its image, if there is one.
    pub(super) fn find(&self, kind: &Kind, name: &str) -> Option<Pool> {
        let mut kept = self.kept();
        let entry = kept.by_kind.get_mut(kind)?;
        entry.used = Instant::now();
        if entry.names.len() < MAX_NAMES && !entry.names.iter().any(|known| known == name) {
            entry.names.push(name.to_owned());
        }
        Some(entry.pool.clone())
    }

    /// Whether there is a pool for this runtime in the image with this id.
    pub(super) fn has(&self, image: &str, runtime: &str) -> bool {
        let kept = self.kept();
        kept.by_kind.keys().any(|kind| kind.is_for(image, runtime))
    }

    /// The pool for `spec`, whose image was found by `name`; made when there is none. Others give way to it.
    pub(super) fn get(
        &self,
        backend: &Arc<dyn Backend>,
        options: &Options,
        (spec, name): (SandboxSpec, &str),
        park: impl FnOnce() -> Option<ParkPlan>,
        wanted: Wanted,
    ) -> Pool {
        let kind = Kind::of(&spec);
        if let Some(pool) = self.find(&kind, name) {
            return pool;
        }
        // A sandbox that persists is for its user to look at, so none is made ahead of need.
        let size = if spec.persist {
            PoolSize { clean: 0, dirty: 0 }
        } else {
            options.pool_size
        };
        let pool = Pool::new(
            Arc::clone(backend),
            PoolConfig {
                spec,
                strategy: options.pool_strategy,
                size,
                park: park(),
                wanted,
            },
        );
        let mut kept = self.kept();
        // Another call may have been faster.
        if let Some(entry) = kept.by_kind.get(&kind) {
            return entry.pool.clone();
        }
        let kinds = kept.by_kind.keys();
        let outdated: Vec<_> = kinds
            .filter(|known| known.has_other_profile(&kind))
            .cloned()
            .collect();
        for known in &outdated {
            kept.retire(known);
        }
        while kept.by_kind.len() >= MAX_POOLS
            && let Some(oldest) = kept.least_recently_used()
        {
            kept.retire(&oldest);
        }
        let entry = Entry {
            pool: pool.clone(),
            names: vec![name.to_owned()],
            used: Instant::now(),
        };
        kept.by_kind.insert(kind, entry);
        kept.limit_idle();
        pool
    }

    /// Each kind that has a pool.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.kept().by_kind.keys().cloned().collect()
    }

    /// The names by which the image of a pool was found.
    pub(super) fn names(&self, kind: &Kind) -> Vec<String> {
        let kept = self.kept();
        let entry = kept.by_kind.get(kind);
        entry.map_or_else(Vec::new, |entry| entry.names.clone())
    }

    /// Lets the pool of this kind go, if there is one.
    pub(super) fn retire(&self, kind: &Kind) {
        self.kept().retire(kind);
    }

    /// Lets pools go while there are too many idle sandboxes.
    pub(super) fn limit_idle(&self) {
        self.kept().limit_idle();
    }

    /// Removes the idle sandboxes when no call has used the pools for as long as `limit`.
    pub(super) fn give_back(&self, limit: Duration) {
        if self.activity.idle_for().is_none_or(|idle| idle < limit) {
            return;
        }
        for Entry { pool, .. } in self.kept().by_kind.values() {
            if pool.idle() > 0 {
                tracing::debug!("no call for a while, removing idle sandboxes");
                pool.give_back();
            }
        }
    }

    /// Whether the caller must look after the pools from now on, because no task does so yet.
    pub(super) fn begin_attending(&self) -> bool {
        let mut kept = self.kept();
        !std::mem::replace(&mut kept.attended, true)
    }

    /// Whether the task that looks after the pools may stop, because there are none any more.
    pub(super) fn may_stop_attending(&self) -> bool {
        let mut kept = self.kept();
        kept.attended = !kept.by_kind.is_empty();
        !kept.attended
    }

    /// The modules that the pools of `runtime` import ahead.
    pub(super) fn preload(&self, options: &Options, runtime: &str) -> Vec<String> {
        let chosen = self.preload.lock().unwrap_or_else(PoisonError::into_inner);
        let preload = chosen.as_ref().unwrap_or(&options.preload);
        preload.of(runtime).to_vec()
    }

    /// Imports the modules of `newer` ahead from now on, for the runtimes that it names.
    pub(super) fn set_preload(&self, options: &Options, newer: &Preload) {
        {
            let mut chosen = self.preload.lock().unwrap_or_else(PoisonError::into_inner);
            chosen
                .get_or_insert_with(|| options.preload.clone())
                .update(newer);
        }
        let kept = self.kept();
        for (Kind { runtime, .. }, Entry { pool, .. }) in &kept.by_kind {
            if newer.runtimes().any(|named| named == runtime) {
                pool.preload(newer.of(runtime));
            }
        }
    }

    /// Removes every sandbox and waits until they are gone.
    pub(super) async fn close(&self) {
        let (pools, retired) = {
            let mut kept = self.kept();
            (
                std::mem::take(&mut kept.by_kind),
                std::mem::take(&mut kept.retired),
            )
        };
        let pools = pools.values().map(|entry| &entry.pool).chain(&retired);
        futures::future::join_all(pools.map(Pool::close)).await;
    }
}

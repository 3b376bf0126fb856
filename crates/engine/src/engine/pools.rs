//! One pool for each kind of sandbox that this engine has needed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use isol8_backend::{Backend, SandboxSpec};

use crate::{
    options::{Options, PoolSize, Preload},
    plan::ParkPlan,
    pool::{Pool, PoolConfig},
};

/// The pools of an engine, by image and runtime: the rest of a spec is the same for one engine.
#[derive(Default)]
pub(super) struct Pools {
    by_kind: Mutex<HashMap<(String, String), Pool>>,
    /// Modules to import ahead, once `start` has named some.
    preload: Mutex<Option<Preload>>,
    /// Executions that took an interpreter which was started ahead of them.
    pub(super) parked: AtomicU64,
}

impl Pools {
    /// The pool for `spec`; made when there is none.
    pub(super) fn get(
        &self,
        backend: &Arc<dyn Backend>,
        options: &Options,
        spec: SandboxSpec,
        park: impl FnOnce() -> Option<ParkPlan>,
    ) -> Pool {
        let mut pools = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (spec.image.clone(), spec.runtime.clone());
        let make = || {
            let strategy = options.pool_strategy;
            // What persists is for its user to look at: none is made that nobody asked for.
            let size = if spec.persist {
                PoolSize { clean: 0, dirty: 0 }
            } else {
                options.pool_size
            };
            Pool::new(
                Arc::clone(backend),
                PoolConfig {
                    spec,
                    strategy,
                    size,
                    park: park(),
                },
            )
        };
        pools.entry(key).or_insert_with(make).clone()
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
        let pools = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        for ((_, runtime), pool) in pools.iter() {
            if newer.runtimes().any(|named| named == runtime) {
                pool.preload(newer.of(runtime));
            }
        }
    }

    /// Removes every sandbox and waits until they are gone.
    pub(super) async fn close(&self) {
        let pools = {
            let mut pools = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *pools)
        };
        futures::future::join_all(pools.values().map(Pool::close)).await;
    }
}

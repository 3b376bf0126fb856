//! Making engines. It takes time, because the patterns of a network filter are compiled. So it happens on threads that serve
//! nobody, without a lock that others need, and for each caller one at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use isol8_api::options::RawOptions;
use isol8_engine::{Engine, EngineError, options::Options};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{caller::Owner, place::Place};

/// What makes the engines of a server.
pub(crate) struct Makers {
    place: Arc<dyn Place>,
    /// One for each caller that has had an engine.
    turns: Mutex<HashMap<Owner, Arc<AsyncMutex<()>>>>,
}

impl Makers {
    /// Makes engines whose sandboxes run in `place`.
    pub(crate) fn new(place: Arc<dyn Place>) -> Self {
        Self {
            place,
            turns: Mutex::default(),
        }
    }

    /// Waits until no engine of `owner` is being made. None is, while the guard is kept.
    pub(crate) async fn turn(&self, owner: &Owner) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(owner.clone()).or_default())
        };
        turn.lock_owned().await
    }

    /// Makes an engine that runs at most `max_concurrent` executions at a time.
    pub(crate) async fn make(
        &self,
        raw: RawOptions,
        max_concurrent: usize,
    ) -> Result<Engine, EngineError> {
        let place = Arc::clone(&self.place);
        let make = move || {
            let options = Options::try_from(raw)?;
            let backend = place.backend(options.oci_runtime.as_deref());
            Engine::new(options, max_concurrent, backend, place.images())
        };
        let engine = tokio::task::spawn_blocking(make).await;
        engine.map_err(|error| EngineError::Internal(error.to_string()))?
    }
}

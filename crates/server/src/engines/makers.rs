//! Making engines. It takes time, because the patterns of a network filter are compiled. So it happens on blocking threads,
//! outside of the server's locks, and for each caller one at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use isol8_api::options::RawOptions;
use isol8_engine::{Engine, EngineError, options::Options};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{callers::Owner, place::Place};

/// What makes the engines of a server.
pub(crate) struct Makers {
    place: Arc<dyn Place>,
    /// One for each caller whose engine is being made, or who waits for that.
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
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(owner.clone()).or_default())
        };
        turn.lock_owned().await
    }

    /// Makes an engine that runs at most `max_concurrent` executions at a time. Gives the turn back. When the future is
    /// dropped, the turn lasts until the engine is made: a client that goes away starts no second one beside it.
    pub(crate) async fn make(
        &self,
        turn: OwnedMutexGuard<()>,
        raw: Box<RawOptions>,
        max_concurrent: usize,
    ) -> Result<(Engine, OwnedMutexGuard<()>), EngineError> {
        let place = Arc::clone(&self.place);
        let span = tracing::Span::current();
        let make = move || {
            let _in_span = span.enter();
            let options = Options::try_from(*raw)?;
            let backend = place.backend(options.oci_runtime.as_deref());
            let engine = Engine::new(options, max_concurrent, backend, place.images())?;
            Ok((engine, turn))
        };
        let engine = tokio::task::spawn_blocking(make).await;
        engine.map_err(|error| EngineError::Internal(error.to_string()))?
    }
}

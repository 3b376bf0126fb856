//! An engine with local sandboxes.

use std::sync::Arc;

use isol8_engine::{Engine, EngineError, options::Options};
use isol8_local::{LocalBackend, LocalImages, LocalOptions};

use crate::common::Value;

/// An engine with these options, whose sandboxes are of this machine.
pub(crate) fn engine(options: Value) -> Engine {
    try_engine(options).unwrap()
}

/// The same, or the error.
pub(crate) fn try_engine(options: Value) -> Result<Engine, EngineError> {
    let options: Options = serde_json::from_value::<isol8_api::options::RawOptions>(options)
        .unwrap()
        .try_into()?;
    let local = LocalOptions::default();
    let backend = Arc::new(LocalBackend::new(local.clone()));
    Engine::new(options, 4, backend, Arc::new(LocalImages::new(local)))
}

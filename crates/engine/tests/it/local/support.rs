//! An engine with local sandboxes.

use std::{path::Path, sync::Arc};

use isol8_engine::{Engine, EngineError, options::Options};
use isol8_local::{LocalBackend, LocalImages, LocalOptions};

use crate::common::Value;

/// An engine with these options, whose sandboxes are of this machine.
pub(crate) fn engine(options: Value) -> Engine {
    try_engine(options).unwrap()
}

/// The same with the runtimes that are installed in a directory.
pub(crate) fn engine_with(options: Value, runtimes: &Path) -> Engine {
    let local = LocalOptions {
        runtimes_dir: Some(runtimes.to_owned()),
        ..LocalOptions::default()
    };
    make(options, local).unwrap()
}

/// The same as [`engine`], or the error.
pub(crate) fn try_engine(options: Value) -> Result<Engine, EngineError> {
    make(options, LocalOptions::default())
}

fn make(options: Value, local: LocalOptions) -> Result<Engine, EngineError> {
    let options: Options = serde_json::from_value::<isol8_api::options::RawOptions>(options)
        .unwrap()
        .try_into()?;
    let backend = Arc::new(LocalBackend::new(local.clone()));
    Engine::new(options, 4, backend, Arc::new(LocalImages::new(local)))
}

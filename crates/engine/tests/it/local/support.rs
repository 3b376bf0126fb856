//! An engine with local sandboxes.

use std::{os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use isol8_api::options::RawOptions;
use isol8_engine::{Engine, EngineError, options::Options};
use isol8_local::{LocalBackend, LocalImages, LocalOptions};

use crate::common::Value;

/// Whether the tests are run as root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// An engine with these options, whose sandboxes are of this machine.
pub(crate) fn engine(options: Value) -> Engine {
    engine_on(options, LocalOptions::default()).unwrap()
}

/// The same with the runtimes that are installed in a directory.
pub(crate) fn engine_with(options: Value, runtimes: &Path) -> Engine {
    let local = LocalOptions {
        runtimes_dir: Some(runtimes.to_owned()),
        ..LocalOptions::default()
    };
    engine_on(options, local).unwrap()
}

/// Where the tests of this project install runtimes.
pub(crate) const INSTALLED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/isol8/runtimes");

/// Names a directory of installed runtimes for [`engine_of`].
pub(crate) const RUNTIMES: &str = "ISOL8_TEST_RUNTIMES";

/// An engine for tests of all backends, or the error.
pub(crate) fn engine_of(options: Options, max_concurrent: usize) -> Result<Engine, EngineError> {
    let local = LocalOptions {
        runtimes_dir: std::env::var_os(RUNTIMES).map(Into::into),
        ..LocalOptions::default()
    };
    make(options, max_concurrent, local)
}

/// An engine with these options of the backend, or the error.
pub(crate) fn engine_on(options: Value, local: LocalOptions) -> Result<Engine, EngineError> {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    make(raw.try_into()?, 4, local)
}

fn make(
    options: Options,
    max_concurrent: usize,
    local: LocalOptions,
) -> Result<Engine, EngineError> {
    let backend = Arc::new(LocalBackend::new(local.clone()));
    let images = Arc::new(LocalImages::new(local));
    Engine::new(options, max_concurrent, backend, images)
}

//! The threads of the engine.

use tokio::runtime::Builder;

/// One: what an execution costs here is less than what it costs JavaScript's own one thread, and a
/// second would be woken only to pass the work on, several times for each execution.
const WORKERS: usize = 1;

/// Chooses the runtime when the addon is loaded. Without it, the binding's default one serves.
#[napi_derive::module_init]
fn choose_runtime() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}

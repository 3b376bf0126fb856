//! The threads of the engine.

use std::num::NonZero;

use tokio::runtime::Builder;

/// Most threads, however many processors there are: JavaScript's own one thread asks for all the work.
const MAX_WORKERS: usize = 4;

/// Half of the processors. On a small machine that is one: what an execution costs here is less than
/// what it costs JavaScript's thread, and a second worker would be woken only to pass the work on,
/// several times for each execution. On a large one, streams and proxied connections of many
/// sandboxes need not share a processor.
fn workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    (processors / 2).clamp(1, MAX_WORKERS)
}

/// Chooses the runtime when the addon is loaded. Without it, the binding's default one serves.
#[napi_derive::module_init]
fn choose_runtime() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}

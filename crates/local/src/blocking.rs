//! Work that waits for files or processes, away from the threads of tasks.

use isol8_backend::{BackendError, BackendErrorKind};
use tokio::task::spawn_blocking;

/// Runs `work` on a thread for such work. Dropping the future does not end it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackendError> {
    // What it reports belongs to the execution that waits for it.
    let span = tracing::Span::current();
    let done = spawn_blocking(move || span.in_scope(work)).await;
    done.map_err(|error| {
        BackendError::new(BackendErrorKind::System, "The program ends.").caused_by(error)
    })
}

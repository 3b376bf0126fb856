//! Waiting with a limit.

use std::time::Duration;

/// Longer than any single step that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits with a time limit.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it took too long")
}

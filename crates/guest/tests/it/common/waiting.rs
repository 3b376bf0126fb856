//! Waiting with a limit.

use std::time::Duration;

/// Longer than any single step that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something holds. Fails with `what` when it never does.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits with a time limit.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it took too long")
}

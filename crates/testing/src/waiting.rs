//! Waiting with a limit.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes that a test waits for. So a hang becomes a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time between two looks at a condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// Waits until a condition holds.
///
/// # Panics
///
/// With `what`, when it never does.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(INTERVAL).await;
    }
}

//! Moments as the public JSON has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use isol8_engine::time::iso8601;

/// Milliseconds since 1970, now.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

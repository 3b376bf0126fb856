//! Points in time as the public formats write them.

/// Now, in ISO 8601 with milliseconds, in UTC: what JavaScript's `toISOString` writes.
pub(crate) fn now_iso8601() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

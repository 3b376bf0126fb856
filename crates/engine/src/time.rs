//! Points in time as the public formats write them.

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

/// Now, in ISO 8601 with milliseconds, in UTC: what JavaScript's `toISOString` writes.
#[must_use]
pub fn now_iso8601() -> String {
    jiff::Timestamp::now().strftime(FORMAT).to_string()
}

/// A moment in milliseconds since 1970, in the same format. One that is too late for a date is the last there is.
#[must_use]
pub fn iso8601(milliseconds: u64) -> String {
    let moment = i64::try_from(milliseconds)
        .ok()
        .and_then(|moment| jiff::Timestamp::from_millisecond(moment).ok())
        .unwrap_or(jiff::Timestamp::MAX);
    moment.strftime(FORMAT).to_string()
}

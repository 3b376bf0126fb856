//! Moments as the table has them.

use std::time::Duration;

use jiff::Timestamp;

/// A moment in ISO 8601: what JavaScript's `toISOString` writes.
pub(crate) fn iso8601(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The moment `lifetime` from `moment`; none when no date can hold it.
pub(crate) fn after(moment: Timestamp, lifetime: Duration) -> Option<Timestamp> {
    moment.checked_add(lifetime).ok()
}

/// Whether a moment in ISO 8601 is over. One that cannot be read is.
pub(crate) fn is_over(text: &str, now: Timestamp) -> bool {
    text.parse::<Timestamp>()
        .map_or(true, |moment| moment <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_cannot_be_read_is_over() {
        let now = "2026-01-01T00:00:00.000Z".parse().unwrap();
        assert_eq!(iso8601(now), "2026-01-01T00:00:00.000Z");
        for (text, over) in [
            ("2026-01-01T00:00:00.001Z", false),
            ("2026-01-01T00:00:00.000Z", true),
            ("2025-12-31T23:59:59.999Z", true),
            ("", true),
            ("never", true),
        ] {
            assert_eq!(is_over(text, now), over, "{text}");
        }
        assert_eq!(after(now, Duration::MAX), None);
    }
}

//! Sizes and ages in words.

/// A size in bytes, in the largest unit of 1000 that leaves a whole number.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB"] {
        if value < 999.5 {
            return format!("{value:.0} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} GB")
}

/// How long ago something was, from seconds.
pub(crate) fn age(seconds: u64) -> String {
    for (unit, length) in [("day", 86_400), ("hour", 3600), ("minute", 60)] {
        let count = seconds / length;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            return format!("{count} {unit}{plural} ago");
        }
    }
    "just now".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_short() {
        for (bytes, text) in [
            (5, "5 B"),
            (1500, "2 kB"),
            (153_400_000, "153 MB"),
            (1_250_000_000, "1.2 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [
            (3, "just now"),
            (60, "1 minute ago"),
            (7300, "2 hours ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}

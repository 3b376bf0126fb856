//! Size strings, the only form in which callers write sizes: `"512m"` is 512 MiB.

use super::OptionError;

/// Bytes in a size string: digits, perhaps with a fraction, and `b`, `k`, `m` or `g` (powers of
/// 1024) in either case; bytes without one. `option` is named in the error of a size of 0.
pub fn parse_size(option: &'static str, text: &str) -> Result<u64, OptionError> {
    let malformed = || OptionError::Size {
        option,
        value: text.to_owned(),
    };
    let (number, unit) = match text.as_bytes().last().map(u8::to_ascii_lowercase) {
        Some(b'b') => (&text[..text.len() - 1], 1.0),
        Some(b'k') => (&text[..text.len() - 1], 1024.0),
        Some(b'm') => (&text[..text.len() - 1], 1024.0 * 1024.0),
        Some(b'g') => (&text[..text.len() - 1], 1024.0 * 1024.0 * 1024.0),
        _ => (text, 1.0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(malformed());
    }
    let bytes = number.parse::<f64>().map_err(|_| malformed())? * unit;
    // A size that no machine has is a mistake too, and must not overflow further on.
    if bytes > MAX_SIZE {
        return Err(malformed());
    }
    if bytes < 1.0 {
        let rule = "a size above 0";
        return Err(OptionError::Number {
            option,
            value: text.to_owned(),
            rule,
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and MAX_SIZE"
    )]
    Ok(bytes as u64)
}

/// The shortest size string for this number of bytes, with a unit where that is exact.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    [(1 << 30, 'g'), (1 << 20, 'm'), (1 << 10, 'k')]
        .into_iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}b"),
            |(unit, name)| format!("{}{name}", bytes / unit),
        )
}

/// Largest size in bytes: 4 PiB, exact in an `f64`.
const MAX_SIZE: f64 = 4_503_599_627_370_496.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("512m", 512 << 20),
            ("1g", 1 << 30),
            ("1.5G", 3 << 29),
            ("64K", 64 << 10),
            ("10b", 10),
            ("1048576", 1 << 20),
        ] {
            assert_eq!(parse_size("memoryLimit", text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for text in ["512m", "1g", "64k", "10b", "1025b", "1536m"] {
            assert_eq!(size_text(parse_size("memoryLimit", text).unwrap()), text);
        }
    }

    #[test]
    fn malformed_sizes_are_refused_with_the_public_message() {
        for text in [
            "",
            "m",
            "12x",
            "-1m",
            "1 m",
            " 1m",
            "1..2m",
            "1.",
            ".5g",
            "1e3",
            "é",
            "9e",
            "99999999g",
        ] {
            let error = parse_size("tmpSize", text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("Invalid memory limit format: \"{text}\". Use e.g. \"512m\", \"1g\".")
            );
        }
    }

    #[test]
    fn a_size_of_zero_is_refused_by_name() {
        for text in ["0", "0m", "0.0g", "0.5"] {
            assert_eq!(
                parse_size("tmpSize", text).unwrap_err().to_string(),
                format!("Invalid tmpSize: {text}. It must be a size above 0.")
            );
        }
    }
}

//! Numbers as JavaScript gives them (any `f64`), checked and converted.

use std::time::Duration;

use super::OptionError;

/// Longest time limit; longer ones, often meant as "none", are shortened to it.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// Largest integer that a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A time limit in milliseconds; fractions are rounded up. `option` is named in the error.
pub fn timeout(option: &'static str, milliseconds: f64) -> Result<Duration, OptionError> {
    let milliseconds = positive(option, milliseconds)?.ceil();
    Ok(Duration::try_from_secs_f64(milliseconds / 1000.0)
        .unwrap_or(MAX_TIMEOUT)
        .min(MAX_TIMEOUT))
}

/// A finite number above 0.
pub(super) fn positive(option: &'static str, value: f64) -> Result<f64, OptionError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(refused(option, value, "a finite number above 0"))
}

/// A whole number above 0.
pub(super) fn positive_integer(option: &'static str, value: f64) -> Result<u64, OptionError> {
    match integer(value) {
        Some(whole) if whole > 0 => Ok(whole),
        _ => Err(refused(option, value, "a whole number above 0")),
    }
}

/// A whole number between 0 and `limit`; `rule` is the text of this rule for the error.
pub(super) fn integer_up_to(
    option: &'static str,
    value: f64,
    limit: u64,
    rule: &'static str,
) -> Result<u64, OptionError> {
    integer(value)
        .filter(|whole| *whole <= limit)
        .ok_or_else(|| refused(option, value, rule))
}

fn integer(value: f64) -> Option<u64> {
    let whole = value.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER).contains(&value);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and small enough to be exact"
    )]
    whole.then_some(value as u64)
}

fn refused(option: &'static str, value: f64, rule: &'static str) -> OptionError {
    OptionError::Number {
        option,
        value: value.to_string(),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_above_zero_are_limits() {
        for wrong in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(positive("x", wrong).is_err(), "{wrong}");
            assert!(positive_integer("x", wrong).is_err(), "{wrong}");
            assert!(timeout("x", wrong).is_err(), "{wrong}");
        }
        assert!(positive_integer("x", 1.5).is_err());
        assert_eq!(positive_integer("x", 64.0), Ok(64));
        assert_eq!(
            positive("cpuLimit", -2.0).unwrap_err().to_string(),
            "Invalid cpuLimit: -2. It must be a finite number above 0."
        );
    }

    #[test]
    fn time_limits_are_whole_milliseconds_and_bounded() {
        assert_eq!(timeout("x", 0.2), Ok(Duration::from_millis(1)));
        assert_eq!(timeout("x", 1500.0), Ok(Duration::from_millis(1500)));
        assert_eq!(timeout("x", f64::MAX), Ok(MAX_TIMEOUT));
    }
}

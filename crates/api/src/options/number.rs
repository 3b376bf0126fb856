//! Numbers as JavaScript has them.

/// A whole number as the options have it: a number of JavaScript. It is exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "no limit needs more than 53 bits"
)]
#[must_use]
pub fn number(value: u64) -> f64 {
    value as f64
}

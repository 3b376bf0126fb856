//! Numbers as JavaScript has them.

/// An option's number.
#[expect(
    clippy::cast_precision_loss,
    reason = "no limit needs more than 53 bits"
)]
#[must_use]
pub fn number(value: u64) -> f64 {
    value as f64
}

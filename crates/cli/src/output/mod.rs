//! What a person reads: markers, colours, progress.

mod builds;
mod console;
mod flags;
mod measures;

pub(crate) use builds::{BuildLine, Builds};
pub(crate) use console::{Console, print};
pub(crate) use flags::with_flags;
pub(crate) use measures::{age, size};

//! What a person reads: markers, colours, progress.

mod console;

pub(crate) use console::{Console, print};

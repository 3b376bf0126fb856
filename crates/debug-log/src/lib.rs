//! The debug log: what the engine does, explained on standard error.
#![forbid(unsafe_code)]

mod subscriber;

pub use subscriber::{listen, set_enabled};

//! The debug log: what the engine does, explained on standard error or to a sink.
#![forbid(unsafe_code)]

mod line;
mod subscriber;

pub use line::{Line, Sink, set_sink};
pub use subscriber::{listen, set_enabled};

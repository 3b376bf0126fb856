//! What an engine is given to run.

mod live;
mod request;

pub use live::{LiveInput, ProgramInput, ProgramSignal, live_input};
pub use request::{AdapterCommand, Submission};

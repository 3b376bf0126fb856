//! What an engine is given to run.

mod live;
mod local_files;
mod request;

pub use live::{LiveInput, ProgramInput, ProgramSignal, live_input};
pub(crate) use local_files::shorter;
pub use local_files::{LocalFile, LocalFolder};
pub use request::{AdapterCommand, Submission};

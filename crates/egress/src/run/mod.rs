//! What belongs to one run: its log, its byte counts, and its share of the host's resources.

mod buffers;
mod entry;
mod log;
mod open_entry;
mod reason;
mod redact;
mod state;

pub(crate) use buffers::{BufferPermit, SocketBuffers};
pub use entry::{Action, LogEntry, NetworkLog};
pub(crate) use open_entry::OpenEntry;
pub use reason::BlockReason;
pub use redact::Redact;
pub use state::Run;

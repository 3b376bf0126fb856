//! The audit log: one JSON line for each execution.
//!
//! One thread appends (the only owner of the file). An execution reserves its place in the bounded
//! queue before it starts, so that at its end nothing has to wait and nothing can be lost; when the
//! disk falls behind, it is new executions that wait.

mod log;
mod record;
mod retention;
mod script;

pub use log::{AuditError, AuditLog, AuditSlot, MIN_QUEUE, WRITE_GRACE};
pub use record::{AuditRecord, RecordSource, RecordedRequest};
pub use retention::LOG_FILE;

//! The engine for JavaScript: values cross here and nothing is decided.
//!
//! Requests and results cross as JSON text, file contents as Buffers (copied on entry, because
//! JavaScript may change them meanwhile). A rejected promise cannot carry a code of ours, so
//! whatever may fail returns a value or an error, and the facade throws.
//!
//! No method is an `async fn`: its future would borrow the object. When a worker is terminated its objects are freed, and
//! futures may go on. So each method takes what it needs and spawns a future that owns it.
#![expect(
    clippy::needless_pass_by_value,
    clippy::must_use_candidate,
    reason = "JavaScript's values are handed over, not lent, and Rust never calls these"
)]

mod certificate;
pub mod config;
pub mod debug;
pub mod engine;
pub mod exit;
pub mod images;
pub mod outcome;
pub mod remote;
pub mod request;
mod runtime;
pub mod server;
pub mod stream;

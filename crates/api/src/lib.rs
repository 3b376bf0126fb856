//! The public JSON of isol8, as plain types: what callers write and what they get back.
//!
//! Engine, server, client and command line share these types. Nothing is checked here beyond the form of
//! the JSON: what a value may be is decided where it is used.
#![forbid(unsafe_code)]

pub mod config;
pub mod error_code;
pub mod event;
mod field;
mod field_names;
pub mod http;
pub mod options;
pub mod request;
pub mod result;
pub mod runtimes;
mod schemas;
pub mod websocket;
pub mod wording;

pub use error_code::ErrorCode;
pub use field_names::field_names;

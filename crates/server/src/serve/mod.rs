//! Serving: connections accepted, carried and ended.

mod connection;
mod server;
mod write_timeout;

pub use server::{Server, StopSignal};

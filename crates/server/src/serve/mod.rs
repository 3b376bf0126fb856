//! Serving: connections accepted, carried and ended.

mod connection;
mod meter;
mod server;
mod write_timeout;

pub(crate) use meter::Meter;
pub use server::{Server, StopSignal};

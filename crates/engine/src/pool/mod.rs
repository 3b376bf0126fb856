//! Warm sandboxes: kept ready, handed out, reset after use.
//!
//! `state` decides and does nothing; `tasks` does and decides nothing.

mod handle;
mod lease;
mod park;
mod processors;
mod state;
mod tasks;

pub use handle::{Pool, PoolConfig, Wanted};
pub use lease::Lease;

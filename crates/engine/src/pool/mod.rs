//! Warm sandboxes: kept ready, handed out, reset after use.
//!
//! `state` decides and does nothing; `tasks` does and decides nothing.

mod handle;
mod lease;
mod memory;
mod park;
mod state;
mod tasks;

pub use handle::{Pool, PoolConfig};
pub use lease::Lease;

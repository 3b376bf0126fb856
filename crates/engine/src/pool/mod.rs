//! Warm sandboxes: kept ready, handed out, reset after use.
//!
//! `state` decides and does nothing; `tasks` does and decides nothing.

mod memory;
mod park;
mod state;
mod tasks;

pub use tasks::{Lease, Pool, PoolConfig};

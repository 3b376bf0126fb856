//! Warm sandboxes: kept ready, handed out, reset after use.
//!
//! `state` decides and does nothing; `tasks` does and decides nothing.

mod state;
mod tasks;

pub use tasks::{Lease, Pool, PoolConfig};

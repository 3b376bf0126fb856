//! What the integration tests of several crates share. Only development dependencies name this crate.

mod not_run;

pub use not_run::not_run;

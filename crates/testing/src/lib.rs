//! What the integration tests of several crates share. Only development dependencies name this crate.

mod elsewhere;
mod not_run;
mod processes;
mod waiting;

pub use elsewhere::{assert_passed, assert_ran, ran_elsewhere};
pub use not_run::not_run;
pub use processes::{descendants, groups_of, lives, parent_of};
pub use waiting::until;

//! What the commands do, one module each.

mod config;
mod dispatch;
mod run;

pub(crate) use dispatch::dispatch;

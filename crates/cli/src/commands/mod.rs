//! What the commands do, one module each.

mod build;
mod cleanup;
mod completion;
mod config;
mod dispatch;
mod doctor;
mod image_builds;
mod list_custom;
mod login;
mod repl;
mod run;
mod save;
mod serve;
mod session;
mod setup;
mod shown;

pub(crate) use dispatch::dispatch;

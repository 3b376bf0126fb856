//! What the commands do, one module each.

mod build;
mod cleanup;
mod completion;
mod config;
mod dispatch;
mod doctor;
mod image_builds;
mod list_custom;
mod run;
mod serve;
mod setup;

pub(crate) use dispatch::dispatch;

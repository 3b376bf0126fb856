//! The command line of isol8.
//!
//! A call goes through four layers, each in a folder of its own:
//!
//! 1. `args`: what may be written on the command line, as clap types. No logic.
//! 2. `settings`: flags, environment and configuration as one checked value for each command.
//! 3. `commands`: one file (or folder) for each command. It uses the engine and decides nothing about it.
//! 4. `output`: markers, colours, progress.
//!
//! `failure` has the one type for what went wrong, and its exit code. `usage` words the errors of clap.
//! `server_program` is the program of that name: another word for `serve`. `sandboxes` is the only place that knows which backend there is.
//!
//! To add a command:
//!
//! 1. Define its flags in `args/NAME.rs`, with its help as their documentation. Add it to the enum `args::Command`.
//! 2. Where flags meet environment or configuration, resolve them in `settings/NAME.rs`, with unit tests.
//! 3. Write `commands/NAME.rs` with `pub(crate) async fn run(…) -> Result<Exit, Failure>`, and call it in
//!    `commands::dispatch`.
//! 4. Test the command as a user meets it in `tests/it/NAME.rs`: exit code and both streams.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod launcher;
mod output;
mod printable;
mod program;
#[cfg(test)]
mod reference;
mod sandboxes;
mod server_program;
mod settings;
mod signals;
mod usage;

pub use program::main;

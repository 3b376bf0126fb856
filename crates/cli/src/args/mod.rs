//! What may be written on the command line. Types only.

mod config;
mod root;
mod run;
mod values;

pub(crate) use config::ConfigArgs;
pub(crate) use root::{Cli, Command};
pub(crate) use run::{NetworkArg, RunArgs};
pub(crate) use values::{OutputPath, Pair};

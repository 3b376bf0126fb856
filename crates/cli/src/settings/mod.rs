//! Flags, environment and configuration, resolved into one checked value for each command.

mod configuration;
mod run;

pub(crate) use configuration::configuration;
pub(crate) use run::{Input, Output, ProgramSource, RunSettings, SANDBOX};

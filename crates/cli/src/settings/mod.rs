//! Flags, environment and configuration, resolved into one checked value for each command.

mod backend;
mod build;
mod configuration;
mod credentials;
mod debian;
mod remote;
mod repl;
mod run;
mod sandbox;
mod script;
mod serve;
mod server;
mod setup;

pub(crate) use backend::{BackendSettings, variable};
pub(crate) use build::custom_image;
pub(crate) use configuration::configuration;
pub(crate) use credentials::{Credentials, CredentialsFile, SHOWN as CREDENTIALS};
pub(crate) use remote::RemoteRun;
pub(crate) use repl::ReplSettings;
pub(crate) use run::{Input, Output, ProgramSource, RunSettings, SANDBOX};
pub(crate) use script::{read_limited, read_text, script};
pub(crate) use serve::{Address, ServeSettings, parse_port};
pub(crate) use server::ServerSettings;
pub(crate) use setup::SetupSettings;

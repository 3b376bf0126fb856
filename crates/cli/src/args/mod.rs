//! What may be written on the command line. Types only.

mod backend;
mod build;
mod cleanup;
mod completion;
mod config;
mod doctor;
mod list_custom;
mod repl;
mod root;
mod run;
mod sandbox;
mod serve;
mod server;
mod setup;
mod values;

pub(crate) use backend::BackendArgs;
pub(crate) use build::BuildArgs;
pub(crate) use cleanup::CleanupArgs;
pub(crate) use completion::{CompletionArgs, ManArgs};
pub(crate) use config::ConfigArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use list_custom::ListCustomArgs;
pub(crate) use repl::ReplArgs;
pub(crate) use root::{Cli, Command, GlobalArgs, ServerProgram};
pub(crate) use run::RunArgs;
pub(crate) use sandbox::{NetworkArg, SandboxArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use server::{
    LoginArgs, LogoutArgs, RemoteArgs, SessionArgs, SessionCommand, SessionListArgs,
    SessionStopArgs,
};
pub(crate) use setup::SetupArgs;
pub(crate) use values::{OutputPath, Pair};

#[cfg(test)]
mod tests;

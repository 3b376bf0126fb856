//! `setup`: what the runtimes need is there, for the backend that runs them.

mod command;
mod docker;
mod local;
mod version;

pub(crate) use command::run;

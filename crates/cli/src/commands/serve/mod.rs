//! `serve`: the engine over HTTP.

mod command;
mod descriptors;
mod images;
mod listen;
mod open;

pub(crate) use command::run;

//! `serve`: the engine over HTTP.

mod command;
mod images;
mod listen;

pub(crate) use command::run;

//! `repl`: a session at the prompt.

mod command;
mod completeness;
mod input;
mod line;
mod prompt;
mod session;

pub(crate) use command::run;

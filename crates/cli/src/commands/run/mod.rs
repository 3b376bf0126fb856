//! `run`: one program in a sandbox.

mod collected;
mod command;
mod course;
mod executor;
mod files;
mod live;
mod once;
mod outputs;
mod prepare;
mod remote_files;
mod streamed;
mod tee;
mod watch;

pub(crate) use command::run;

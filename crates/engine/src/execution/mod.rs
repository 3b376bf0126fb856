//! Runs a plan on a sandbox: install, setup scripts, files, program, outputs.

mod files;
mod folders;
mod live_input;
mod local_files;
mod outcome;
mod output_files;
mod registries;
mod report;
mod run;
mod sink;
mod step;

pub(crate) use files::{MAX_FILE_BYTES, read as read_file, write as write_file};
pub(crate) use outcome::Outcome;
pub(crate) use registries::image_registries_of;
pub(crate) use report::{reset_reason, signal_of, termination_of, usage_of};
pub(crate) use run::{Run, run};
pub(crate) use sink::Sink;

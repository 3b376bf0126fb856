//! Running a program: from the request to the report of its end.
//!
//! One task, four activities that never wait for each other: `supervise` (exit, time limit,
//! killing), `output` (to the host), `input` (to the program), `control` (what the host says).

mod control;
mod input;
mod launch;
mod output;
mod run;
mod supervise;

pub(crate) use run::run;

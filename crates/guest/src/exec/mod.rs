//! Running a program: from the request to the report of its end.
//!
//! A program is a process of its own (`run`), or a call to the session's interpreter (`session`,
//! `resident`, `pipes`).
//!
//! `relay` serves both. It is one task with four activities that never wait for each other:
//!
//! * `supervise`: exit, time limit, killing
//! * `output`: to the host
//! * `input`: to the program
//! * `control`: orders of the host

mod control;
mod ending;
mod input;
mod interruption;
mod launch;
mod nursery;
mod output;
mod park;
mod pipes;
mod programs;
mod relay;
mod resident;
mod run;
mod session;
mod start;
mod supervise;

pub(crate) use park::park;
pub(crate) use pipes::{empty_files as empty_session_files, make as make_pipes};
pub(crate) use programs::Programs;
pub(crate) use run::run;
pub(crate) use session::call;
pub(crate) use supervise::limit_services;

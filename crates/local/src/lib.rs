//! Sandboxes of Linux namespaces on this machine, without a daemon.
//!
//! ```text
//! backend       the traits' side: starts, ends     root          the root file system of a runtime
//! images        runtimes as images                 interpreter   where an interpreter comes from
//! spawner       the process that makes sandboxes   prefix        which directories may be shown
//! users         whose users sandboxes get          seccomp       the list of system calls, compiled
//! groups        control groups                     availability  what enforces what, or what is missing
//! abandoned     what killed spawners have left     options       what callers choose
//! agent         the coding agent                   find          the agent or an interpreter
//! blocking      work away from tasks
//! ```
//!
//! The process that makes the sandboxes is the guest's program in another mode, see `crates/guest/src/spawner`.
#![forbid(unsafe_code)]

mod abandoned;
mod agent;
mod availability;
mod backend;
mod blocking;
mod find;
mod groups;
mod images;
mod interpreter;
mod options;
mod prefix;
mod root;
mod seccomp;
#[cfg(target_os = "linux")]
mod spawner;
#[cfg(not(target_os = "linux"))]
#[path = "spawner_elsewhere.rs"]
mod spawner;
mod users;

pub use availability::Availability;
pub use backend::LocalBackend;
pub use find::find_interpreter;
pub use images::LocalImages;
pub use interpreter::{Interpreter, Origin};
pub use options::{Limits, LocalOptions};

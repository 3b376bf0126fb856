//! Sandboxes of Linux namespaces, without Docker.

mod best_effort;
mod egress;
mod executions;
mod fidelity;
mod inodes;
mod keys;
mod kills;
mod suites;
mod support;

pub(crate) use support::engine_of;

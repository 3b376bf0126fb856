//! Sandboxes of Linux namespaces, without Docker.

mod egress;
mod executions;
mod support;

pub(crate) use support::try_engine;

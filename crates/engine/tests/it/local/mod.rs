//! Sandboxes of Linux namespaces, without Docker.

mod executions;
mod support;

//! The real guest, in a sandbox made of namespaces, from the host's side of the link. Needs root.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod common;
mod egress;
mod ending;
mod exec;
mod files;
mod link;
mod locks;
mod many_files;
mod memory;
mod memory_group;
mod reset;
mod sockets;
mod stops;
mod streams;
mod volumes;

//! The proxy between clients and servers of this machine, in one test program.
//!
//! Each module can be run by itself: `cargo test -p isol8-egress --test it tunnel::`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it has not done"
)]

mod support;

mod answers;
mod connections;
mod denied;
mod denied_names;
mod ecmascript;
mod forward;
mod fuzz;
mod fuzz_tunnels;
mod hello;
mod lookups;
mod malformed;
#[cfg(target_os = "linux")]
mod netns;
mod resources;
mod tunnel;
mod tunnel_http;

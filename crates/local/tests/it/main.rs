//! The backend on this machine, without an engine: sandboxes start, and nothing of them stays.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod containers;
mod ends;
mod homes;
mod ordinary_user;
mod starts;
mod support;
mod walls;

//! The `isol8` program as a user meets it, on a real Docker daemon: exit codes and both streams.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[cfg(target_os = "linux")]
mod backends;
mod cleanup;
mod common;
mod config;
mod daemon;
mod doctor;
mod images;
mod in_terminal;
mod login;
#[cfg(target_os = "linux")]
mod network;
mod own_readme;
mod readme;
mod remote;
mod repl;
mod run;
mod run_ends;
mod run_files;
#[cfg(target_os = "linux")]
mod run_folders;
mod serve;
mod serve_addresses;
mod serve_operations;
mod served;
mod skill;
mod terminal;
#[cfg(target_os = "linux")]
mod web;
mod words;

//! The server over real HTTP, in one test program: over scripted guests where that is enough, and on a real
//! Docker daemon for what users meet.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and hands its JSON over"
)]

mod support;

mod attacks;
mod authorisation;
mod budget;
mod daemon;
mod description;
mod disconnects;
mod executions;
mod fairness;
mod keys;
mod logs;
mod message_budget;
mod operations;
mod queues;
mod refusals;
mod sessions;
mod slow_engines;
mod sockets;
mod stopping;
mod tenant_options;
mod tenants;
mod tls;
mod turns;
mod unix_sockets;

//! The client against the real server over scripted sandboxes, and against servers that misbehave.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod cuts;
mod environment;
mod hostile;
mod programs;
mod redirects;
mod sessions;
mod silence;
mod support;

//! Scripted stand-ins for a backend, its images and its guests. Each panics on what its script does not
//! expect, and a test ends with `finish`, which fails when something expected did not come.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and these make its script"
)]

mod backend;
mod guest;
mod images;

pub use backend::{FakeBackend, Start};
pub use guest::{Exchange, done, exited, failed, file, left_out, stderr, stdout, timed_out};
pub use images::{FakeImages, image};

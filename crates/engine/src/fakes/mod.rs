//! Scripted stand-ins for a backend, its images and its guests. Each panics on what its script does not
//! expect, and a test ends with `finish`, which fails when something expected did not come.

mod backend;
mod guest;
mod images;

pub(crate) use backend::{FakeBackend, Start};
pub(crate) use guest::{Exchange, exited, failed, stderr, stdout, timed_out};
pub(crate) use images::{FakeImages, image};

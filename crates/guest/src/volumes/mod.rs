//! Volumes that the image declares. Each is a tmpfs that holds a copy of the image's content. The guest fills it
//! before it serves the host, and a reset makes it what it was.
//!
//! The guest has no right to overlook permissions or to change owners. So it does each step with the rights of
//! the owner of what it makes or removes. Nothing else runs meanwhile. It follows no symbolic link, and runs
//! nothing of the image.

mod empty;
mod fill;
mod owner;
mod places;

pub(crate) use places::Volumes;

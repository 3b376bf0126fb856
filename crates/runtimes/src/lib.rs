//! The runtimes that `docker/runtimes.lock` pins, and the agent that `docker/agent/package-lock.json` pins, installed
//! into the user's cache directory, for sandboxes without images.
//!
//! Images are built from the same lists. An installed runtime has a folder of its own. The folder appears with its whole
//! content or not at all.
#![forbid(unsafe_code)]

mod agent;
mod download;
mod error;
mod folder;
mod install;
mod lock;
mod recipe;
mod recipes;
mod turn;
mod unpack;

pub use error::InstallError;
pub use folder::{cache_folder, installed};
pub use install::{Installed, Installer, Step};
pub use lock::{Pin, pin};

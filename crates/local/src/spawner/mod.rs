//! The process that makes sandboxes, as this process sees it. Engines of the same root share one.

mod launch;
mod memory_files;
mod packets;
mod process;
mod registry;
mod share;

pub(crate) use process::{Running, Spawner};
pub(crate) use registry::spawner;

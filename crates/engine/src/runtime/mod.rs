//! Runtimes: for each, its image, its file extensions and its command lines. Pure text.

mod agent;
mod bash;
mod bun;
mod deno;
mod node;
mod packages;
mod python;
mod registry;
mod spec;

pub use packages::{PackageError, normalize_packages};
pub use registry::{Registry, RuntimeError};
pub use spec::{CommandContext, InstallCommand, RuntimeSpec, SessionLauncher};

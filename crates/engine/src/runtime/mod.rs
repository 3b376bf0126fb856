//! Runtimes: for each, its image, its file extensions and its command lines. Pure text.

mod agent;
mod bash;
mod bun;
mod deno;
mod node;
mod node_modules;
mod packages;
mod parking;
mod preload;
mod python;
mod registries;
mod registry;
mod spec;

pub(crate) use agent::with_provider;
pub(crate) use bash::any_shell;
pub(crate) use deno::BAKED_DENO_DIR;
pub use packages::{PackageError, PackageNames, normalize_packages};
pub use parking::{PRELOAD_VARIABLE, ParkingSpec, Preloading, StartFiles};
pub use preload::PreloadName;
pub use registries::PackageRegistry;
pub(crate) use registries::{image_hosts, registry_environment, registry_hosts};
pub use registry::{Registry, RuntimeError};
pub use spec::{CommandContext, Defaults, InstallCommand, RuntimeSpec, SessionLauncher};

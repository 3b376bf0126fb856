//! Sandboxes as Docker containers.

mod address;
mod cleanup;
mod client;
mod container;
mod direct;
mod guest;
mod in_flight;
mod launch;
mod owner;
mod socket;
mod start;
mod version;
mod way;

pub use address::DockerAddress;
pub use cleanup::{CleanupReport, cleanup_containers, cleanup_images};
pub use client::Client;
pub use container::{MANAGED_LABEL, RUNTIME_LABEL};
pub use in_flight::{Program, enter_program};
pub use start::DockerBackend;

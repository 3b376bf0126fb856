//! Sandboxes as containers of Docker, or of what speaks its API: finding the daemon, containers, images.
#![forbid(unsafe_code)]

mod address;
mod attached;
mod backend;
mod cleanup;
mod client;
mod container;
mod create;
mod dialect;
mod error;
mod guest_protection;
mod guest_volume;
mod image;
mod labels;
mod launch;
mod link_kind;
mod link_socket;
mod masked;
mod oci_error;
mod own_network;
mod own_user;
mod owner;
mod plain_text;
mod process_dir;
mod removal;
mod ssh;
mod version;
mod volumes;

pub use address::{AddressError, DockerAddress};
pub use backend::DockerBackend;
pub use cleanup::AbandonedContainer;
pub use client::{Client, DaemonFacts};
pub use image::{BaseImage, DockerImages, OwnImage};
pub use labels::{
    BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL,
    MANAGED_LABEL, RUNTIME_LABEL, SETUP_LABEL,
};

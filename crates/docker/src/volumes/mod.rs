//! Volumes that images declare. Each becomes a tmpfs of limited size that holds a copy of the image's content.
//!
//! The content is read once for each image, from a container that is never started, and kept in a temporary file.
//! It is uploaded into each new container of the image, where the guest copies it. No code of the image takes
//! part in any of that.

mod content;
mod error;
mod mount;
mod path;
mod read;
mod store;
mod upload;

pub(crate) use content::ImageVolumes;
pub(crate) use error::VolumeError;
pub(crate) use mount::{arguments, content_mount, tmpfs};
pub(crate) use store::VolumeStore;
pub(crate) use upload::upload;

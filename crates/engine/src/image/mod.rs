//! Images of the runtimes: what they are made of, when they are current, and how they are built.

mod base;
mod build;
mod context;
mod labels;

pub(crate) use base::build_base_image;
pub use base::{build_base_images, image_exists};
pub use build::{BuildProgress, BuildStatus, ImageSources};
pub use labels::{
    BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, RUNTIME_LABEL, SETUP_LABEL,
};

//! Images of the runtimes: what they are made of, when they are current, and how they are built.

mod bake;
mod base;
mod build;
mod context;
mod custom;
mod known;
mod labels;

pub(crate) use bake::BAKED_DENO_DIR;
pub(crate) use base::build_base_image;
pub use base::{build_base_images, image_exists};
pub use build::{BuildProgress, BuildStatus, ImageSources};
pub(crate) use custom::builds;
pub use custom::{CustomBuild, CustomImage, build_custom_image, configured_images};
pub use known::{CustomImageInfo, list_custom_images};
pub(crate) use known::{ImageFacts, best_match, image_facts};
pub use labels::{
    BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, RUNTIME_LABEL, SETUP_LABEL,
};

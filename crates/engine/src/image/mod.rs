//! Images of the runtimes: which one serves a request, and what custom ones are made of.

mod matching;
mod recipe;
mod trusted;

use matching::best_match;
pub(crate) use recipe::builds;
pub use recipe::{
    CustomBuild, CustomImage, build_base_images, build_custom_image, configured_images,
    dependencies_tag,
};
pub(crate) use trusted::TrustedImages;

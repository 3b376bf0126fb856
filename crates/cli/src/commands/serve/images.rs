//! The images that the configuration wants, before the first request needs them.

use isol8_api::config::Config;
use isol8_backend::ImageStore;
use isol8_server::{ImageStep, build_configured_images};

use crate::{failure::Failure, output::Console};

/// Builds what is missing or has changed.
pub(super) async fn build(
    images: &dyn ImageStore,
    config: &Config,
    console: Console,
) -> Result<(), Failure> {
    let show = |step: ImageStep<'_>| {
        console.note(&match step {
            ImageStep::Building {
                tag,
                runtime,
                packages,
            } => format!(
                "[Server] Building prebuilt image {tag} ({runtime}: {})",
                packages.join(", ")
            ),
            ImageStep::Built { tag } => format!("[Server] Prebuilt image {tag} ready"),
            ImageStep::Current { tag } => {
                format!("[Server] Prebuilt image {tag} already exists, skipping build")
            }
        });
    };
    Ok(build_configured_images(images, config, &show).await?)
}

//! The images that the configuration wants, before the first request needs them.

use isol8_api::config::Config;
use isol8_backend::{BuildProgress, BuildStatus, ImageSources, ImageStore};
use isol8_engine::image::{build_custom_image, configured_images, dependencies_tag};

use crate::{failure::Failure, output::Console};

/// Builds what is missing or has changed.
pub(super) async fn build(
    images: &dyn ImageStore,
    config: &Config,
    console: Console,
) -> Result<(), Failure> {
    let wanted = configured_images(config);
    if wanted.is_empty() {
        return Ok(());
    }
    let sources = ImageSources::default().or_environment()?;
    for image in wanted {
        let tag = image
            .tag
            .clone()
            .unwrap_or_else(|| dependencies_tag(&image.runtime));
        let packages = image.packages.join(", ");
        let begins = format!(
            "[Server] Building prebuilt image {tag} ({}: {packages})",
            image.runtime
        );
        let announce = |progress: BuildProgress| {
            if progress.status == BuildStatus::Building && progress.message.is_none() {
                console.note(&begins);
            }
        };
        let built = build_custom_image(images, &image, &sources, false, &announce).await?;
        console.note(&if built.built {
            format!("[Server] Prebuilt image {tag} ready")
        } else {
            format!("[Server] Prebuilt image {tag} already exists, skipping build")
        });
    }
    Ok(())
}

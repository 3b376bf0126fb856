//! The images that a configuration wants, before the first request needs them.

use std::sync::atomic::{AtomicBool, Ordering};

use isol8_api::config::Config;
use isol8_backend::{BuildProgress, BuildStatus, ImageSources, ImageStore};
use isol8_engine::{
    EngineError,
    image::{build_custom_image, configured_images, dependencies_tag},
};

/// What happens to an image of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStep<'a> {
    /// It is missing or has changed, and is built now.
    Building {
        /// Its name.
        tag: &'a str,
        /// Its runtime.
        runtime: &'a str,
        /// The packages that it gets.
        packages: &'a [String],
    },
    /// It has been built.
    Built {
        /// Its name.
        tag: &'a str,
    },
    /// It was there already.
    Current {
        /// Its name.
        tag: &'a str,
    },
}

/// Builds the images of the configuration that are missing or have changed, and reports each step.
pub async fn build_configured_images(
    images: &dyn ImageStore,
    config: &Config,
    report: &(dyn Fn(ImageStep<'_>) + Send + Sync),
) -> Result<(), EngineError> {
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
        // A base image that is missing is built first, with a beginning of its own.
        let announced = AtomicBool::new(false);
        let announce = |progress: BuildProgress| {
            let begins = progress.status == BuildStatus::Building && progress.message.is_none();
            if begins && !announced.swap(true, Ordering::Relaxed) {
                report(ImageStep::Building {
                    tag: &tag,
                    runtime: &image.runtime,
                    packages: &image.packages,
                });
            }
        };
        let built = build_custom_image(images, &image, &sources, false, &announce).await?;
        report(if built.built {
            ImageStep::Built { tag: &tag }
        } else {
            ImageStep::Current { tag: &tag }
        });
    }
    Ok(())
}

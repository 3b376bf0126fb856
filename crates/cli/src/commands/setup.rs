//! `setup`: Docker is there, and the images are built.

use isol8_api::config::Config;
use isol8_backend::Backend as _;

use super::image_builds;
use crate::{
    args::SetupArgs,
    failure::{Exit, Failure},
    output::{Builds, Console, print},
    sandboxes::Sandboxes,
    settings::SetupSettings,
};

/// Checks Docker and builds what is wanted.
pub(crate) async fn run(
    args: &SetupArgs,
    config: &Config,
    console: Console,
) -> Result<Exit, Failure> {
    let settings = SetupSettings::resolve(args, config)?;
    let sandboxes = Sandboxes::new()?;
    if let Err(error) = sandboxes.backend().probe().await {
        console.error("Docker is not running or not installed.");
        console.result("      Install Docker: https://docs.docker.com/get-docker/");
        console.result("      On macOS: open -a Docker");
        console.result(&format!("      {error}"));
        return Ok(Exit::Failed);
    }
    console.ok("Docker is running");
    let images = sandboxes.images();
    let builds = Builds::new(console);
    image_builds::base_images(&images, &settings.runtimes, settings.force, &builds).await?;
    let mut names: Vec<_> = settings
        .runtimes
        .iter()
        .map(|runtime| format!("isol8:{runtime}"))
        .collect();
    for image in &settings.images {
        let outcome = |build: &isol8_engine::image::CustomBuild| {
            if build.built {
                let packages = image.packages.join(", ");
                format!("{} ({}: {packages})", build.tag, image.runtime)
            } else {
                format!("{} (already exists)", build.tag)
            }
        };
        let build =
            image_builds::custom_image(&images, image, settings.force, &builds, outcome).await?;
        names.push(build.tag);
    }
    let sizes = image_builds::sizes(&images, &names).await;
    print(&format!("[DONE] Setup complete!\n{}", sizes.join("\n")))
}

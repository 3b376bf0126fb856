//! The images of a Docker daemon that answers.

use std::collections::BTreeSet;

use futures::future::join_all;
use isol8_docker::DockerImages;
use serde_json::{Value, json};

use crate::{
    commands::image_builds,
    failure::{Exit, Failure},
    output::{Builds, Console, print},
    sandboxes::Sandboxes,
    settings::SetupSettings,
};

/// Builds what is wanted.
pub(super) async fn run(
    settings: &SetupSettings,
    sandboxes: &Sandboxes,
    as_json: bool,
    console: Console,
) -> Result<Exit, Failure> {
    console.ok("Docker is running");
    let images = sandboxes.images();
    let builds = Builds::new(console);
    let mut new =
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
        if build.built {
            new.insert(build.tag.clone());
        }
        names.push(build.tag);
    }
    if as_json {
        return print(&json(&images, &names, &new).await);
    }
    let sizes = image_builds::sizes(&images, &names).await;
    print(&format!("[DONE] Setup complete!\n{}", sizes.join("\n")))
}

/// The images by name, with what was built just now.
async fn json(images: &DockerImages, names: &[String], new: &BTreeSet<String>) -> String {
    let images = names.iter().map(|name| async move {
        json!({ "tag": name, "built": new.contains(name), "size": images.size(name).await })
    });
    Value::from(join_all(images).await).to_string()
}

//! Building images with their progress shown, for the commands that do.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use isol8_backend::{BackendErrorKind, BuildProgress, BuildStatus, ImageSources};
use isol8_docker::DockerImages;
use isol8_engine::{
    EngineError,
    image::{CustomBuild, CustomImage, build_base_images, build_custom_image},
};

use crate::{failure::Failure, output::Builds};

/// Images that are built at once, after the first. It has the steps that all share.
const AT_ONCE: usize = 3;

/// The word of the builder for an image that is current.
const UP_TO_DATE: &str = "Up to date";

/// What to do about a build that has failed.
const ADVICE: &str =
    "Check the names of the packages and the network, then run the same command again.";
const BASH_ADVICE: &str = "Check the names of the packages and the network, then run the same command again. \
    The packages of Bash are Debian's. Alpine's have other names at times: search for yours at \
    https://packages.debian.org.";

/// Builds base images, and returns the names of those that were not current. Stops at the first that fails.
pub(in crate::commands) async fn base_images(
    images: &DockerImages,
    runtimes: &[&str],
    force: bool,
    builds: &Builds,
) -> Result<BTreeSet<String>, Failure> {
    let sources = ImageSources::default().or_environment()?;
    let Some((first, others)) = runtimes.split_first() else {
        return Ok(BTreeSet::new());
    };
    let first = base_image(images, first, &sources, force, builds).await?;
    let others = others
        .iter()
        .map(|runtime| base_image(images, runtime, &sources, force, builds));
    let others: Vec<_> = stream::iter(others)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(others.into_iter().chain([first]).flatten().collect())
}

/// Builds one, and returns its name, unless it is current.
async fn base_image(
    images: &DockerImages,
    runtime: &str,
    sources: &ImageSources,
    force: bool,
    builds: &Builds,
) -> Result<Option<String>, Failure> {
    let line = builds.begin(runtime);
    let current = std::sync::atomic::AtomicBool::new(false);
    let show = |progress: BuildProgress| {
        if progress.status == BuildStatus::Done && progress.message.as_deref() == Some(UP_TO_DATE) {
            current.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        line.report(&progress);
    };
    let names = [runtime.to_owned()];
    build_base_images(images, Some(&names), sources, force, &show)
        .await
        .map_err(|error| failed(error, runtime))?;
    let current = current.into_inner();
    let text = if current {
        format!("{runtime}: {UP_TO_DATE}")
    } else {
        format!("{runtime}: built in {} s", line.seconds())
    };
    line.done(&text);
    Ok((!current).then(|| format!("isol8:{runtime}")))
}

/// Builds a custom image. `outcome` makes the line that it ends with.
pub(in crate::commands) async fn custom_image(
    images: &DockerImages,
    image: &CustomImage,
    force: bool,
    builds: &Builds,
    outcome: impl FnOnce(&CustomBuild) -> String,
) -> Result<CustomBuild, Failure> {
    let sources = ImageSources::default().or_environment()?;
    let name = image.tag.as_deref().unwrap_or(&image.runtime);
    let line = builds.begin(name);
    let show = |progress: BuildProgress| line.report(&progress);
    let build = build_custom_image(images, image, &sources, force, &show)
        .await
        .map_err(|error| failed(error, &image.runtime))?;
    line.done(&outcome(&build));
    Ok(build)
}

/// Names of images with their sizes, one a line.
pub(in crate::commands) async fn sizes(images: &DockerImages, names: &[String]) -> Vec<String> {
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let lines = names.iter().map(|name| async move {
        let size = images.size(name).await.map(crate::output::size);
        format!("       {name:<width$}  {}", size.unwrap_or_default())
    });
    futures::future::join_all(lines).await
}

/// A failed build with its log apart, and what to do.
fn failed(error: EngineError, runtime: &str) -> Failure {
    let EngineError::Backend(backend) = &error else {
        return error.into();
    };
    if backend.kind != BackendErrorKind::ImageBuild {
        return error.into();
    }
    let (reason, log) = backend
        .message
        .split_once('\n')
        .unwrap_or((&backend.message, ""));
    Failure::Build {
        reason: reason.to_owned(),
        log: log.to_owned(),
        advice: if runtime == "bash" {
            BASH_ADVICE
        } else {
            ADVICE
        },
    }
}

#[cfg(test)]
mod tests {
    use isol8_backend::BackendError;

    use super::*;

    #[test]
    fn a_failed_build_shows_its_log_and_what_to_do() {
        let error =
            BackendError::image_build("python", "it ended with 1\nStep 3/4\nno such package");
        let text = failed(error.into(), "python").to_string();
        let expected = "Failed to build image for python: it ended with 1\n--- build log ---\n\
            Step 3/4\nno such package\n-----------------\nCheck the names";
        assert!(text.starts_with(expected), "{text}");
        let text = failed(BackendError::image_build("bash", "x").into(), "bash").to_string();
        assert!(text.contains("packages.debian.org"), "{text}");
        let other = failed(BackendError::unknown_runtime("x").into(), "x");
        assert_eq!(other.to_string(), "Unknown runtime: x");
    }
}

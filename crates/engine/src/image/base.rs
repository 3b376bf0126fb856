//! The base images, one a runtime: `isol8:<runtime>`.

use std::collections::HashMap;

use super::{
    BUILD_HASH_LABEL, RUNTIME_LABEL,
    build::{self, Build, BuildProgress, BuildStatus, ImageSources},
    context,
};
use crate::{backend::DockerClient, error::EngineError, runtime::Registry};

/// Whether the daemon has an image of this name.
pub async fn image_exists(client: &DockerClient, name: &str) -> Result<bool, EngineError> {
    Ok(labels_of(client, name).await?.is_some())
}

/// Labels of an image; `None` when there is no such image.
pub(super) async fn labels_of(
    client: &DockerClient,
    name: &str,
) -> Result<Option<HashMap<String, String>>, EngineError> {
    match client.docker().await?.inspect_image(name).await {
        Ok(image) => Ok(Some(
            image
                .config
                .and_then(|config| config.labels)
                .unwrap_or_default(),
        )),
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Builds the images of `runtimes` (all of them when `None`) that are missing or not current, or
/// all of them with `force`. Stops at the first that fails.
pub async fn build_base_images(
    client: &DockerClient,
    runtimes: Option<&[String]>,
    sources: &ImageSources,
    force: bool,
    on_progress: &(dyn Fn(BuildProgress) + Sync),
) -> Result<(), EngineError> {
    let registry = Registry::default();
    let names: Vec<&str> = match runtimes {
        None => registry.list().iter().map(|runtime| runtime.name).collect(),
        Some(wanted) => wanted.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| registry.get(name).is_err()) {
        return Err(EngineError::UnknownImageRuntime((*unknown).to_owned()));
    }
    for name in names {
        build_base_image(client, name, sources, force, on_progress).await?;
    }
    Ok(())
}

/// Builds the image of one runtime unless it is current.
pub(crate) async fn build_base_image(
    client: &DockerClient,
    runtime: &str,
    sources: &ImageSources,
    force: bool,
    on_progress: &(dyn Fn(BuildProgress) + Sync),
) -> Result<(), EngineError> {
    let tell = |status, message: Option<&str>| {
        let message = message.map(str::to_owned);
        on_progress(BuildProgress {
            runtime: runtime.to_owned(),
            status,
            message,
        });
    };
    let tag = format!("isol8:{runtime}");
    let digest = context::digest(runtime, sources);
    if !force
        && let Some(labels) = labels_of(client, &tag).await?
        && labels.get(BUILD_HASH_LABEL) == Some(&digest)
    {
        tell(BuildStatus::Done, Some("Up to date"));
        return Ok(());
    }
    tell(BuildStatus::Building, None);
    let build = Build {
        tag,
        target: Some(runtime.to_owned()),
        context: context::archive(sources)?,
        args: sources.build_args(),
        labels: HashMap::from([
            (BUILD_HASH_LABEL.to_owned(), digest),
            (RUNTIME_LABEL.to_owned(), runtime.to_owned()),
        ]),
    };
    let outcome = build::run(client, build, |step| {
        tell(BuildStatus::Building, Some(step));
    })
    .await;
    match outcome {
        Ok(()) => {
            tell(BuildStatus::Done, None);
            Ok(())
        }
        Err(reason) => {
            let error = EngineError::ImageBuild {
                runtime: runtime.to_owned(),
                reason,
            };
            tell(BuildStatus::Error, Some(&error.to_string()));
            Err(error)
        }
    }
}

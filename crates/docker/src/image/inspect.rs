//! Facts about existing images, from their labels.

use std::collections::{BTreeSet, HashMap};

use bollard::{
    errors::Error as DockerError,
    models::{ImageConfig, ImageInspect, ImageSummary},
    query_parameters::ListImagesOptions,
};
use isol8_backend::{BackendError, ImageDetails, ImageFacts, ImageInfo};

use super::built;
use crate::{
    Client,
    labels::{DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL, SETUP_LABEL},
};

/// The image that `name` means; `None` when there is no such image.
pub(super) async fn details(
    client: &Client,
    name: &str,
) -> Result<Option<ImageDetails>, BackendError> {
    let Some(image) = image(client, name).await? else {
        return Ok(None);
    };
    let mut config = image.config;
    let volumes = config.as_mut().and_then(|config| config.volumes.take());
    Ok(Some(ImageDetails {
        facts: facts(&labels_of(config)),
        volumes: volumes.unwrap_or_default(),
        // The daemon reports the id of every image.
        id: image.id.unwrap_or_else(|| name.to_owned()),
    }))
}

/// Labels of an image; `None` when there is no such image.
pub(super) async fn labels(
    client: &Client,
    name: &str,
) -> Result<Option<HashMap<String, String>>, BackendError> {
    let image = image(client, name).await?;
    Ok(image.map(|image| labels_of(image.config)))
}

pub(super) async fn image(
    client: &Client,
    name: &str,
) -> Result<Option<ImageInspect>, BackendError> {
    match client.docker().await?.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(DockerError::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(None),
        // A name that no image can have.
        Err(DockerError::DockerResponseServerError { message, .. })
            if message.contains("invalid reference format") =>
        {
            Ok(None)
        }
        Err(error) => Err(client.failed(error)),
    }
}

pub(super) fn labels_of(config: Option<ImageConfig>) -> HashMap<String, String> {
    config.and_then(|config| config.labels).unwrap_or_default()
}

/// The facts in these labels.
pub(super) fn facts(labels: &HashMap<String, String>) -> ImageFacts {
    let text = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
    let packages = text(DEPENDENCIES_LABEL).split(',');
    let setup = text(SETUP_LABEL);
    ImageFacts {
        runtime: text(IMAGE_RUNTIME_LABEL).to_owned(),
        packages: packages
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        setup_script: (!setup.trim().is_empty()).then(|| setup.to_owned()),
    }
}

/// The custom images on the daemon, by name.
pub(super) async fn list_custom(client: &Client) -> Result<Vec<ImageInfo>, BackendError> {
    let filters = HashMap::from([("label".to_owned(), vec![DEPENDENCY_HASH_LABEL.to_owned()])]);
    let options = ListImagesOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let docker = client.docker().await?;
    let images = docker
        .list_images(Some(options))
        .await
        .map_err(|error| client.failed(error))?;
    let built = built::ids().await;
    let images = images.iter();
    let mut images: Vec<_> = images.flat_map(|image| named(image, &built)).collect();
    images.sort_by(|a, b| a.tag.cmp(&b.tag));
    Ok(images)
}

/// An image under each of its names.
fn named(image: &ImageSummary, built: &BTreeSet<String>) -> impl Iterator<Item = ImageInfo> {
    let built_here = built.contains(&image.id);
    let tags = image.repo_tags.iter().filter(|tag| !tag.contains("<none>"));
    tags.map(move |tag| ImageInfo {
        tag: tag.clone(),
        id: image.id.clone(),
        facts: facts(&image.labels),
        built_here,
        created: image.created,
        size: image.size,
    })
}

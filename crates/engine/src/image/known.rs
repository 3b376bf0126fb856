//! What is known of images that exist: their labels, and which of the custom ones serves a request.

use std::{cmp::Reverse, collections::HashMap};

use bollard::query_parameters::ListImagesOptions;
use serde::Serialize;

use super::{
    DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, RUNTIME_LABEL, SETUP_LABEL, base::labels_of,
};
use crate::{backend::DockerClient, error::EngineError};

/// A custom image on the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomImageInfo {
    /// Its name.
    pub tag: String,
    /// The daemon's id for it.
    pub id: String,
    /// Runtime that it is for.
    pub runtime: String,
    /// Packages that it has, sorted.
    pub packages: Vec<String>,
    /// Script that runs before each program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_script: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Size in bytes.
    pub size: i64,
}

impl CustomImageInfo {
    fn new(tag: String, image: &bollard::models::ImageSummary) -> Self {
        let facts = ImageFacts::new(&image.labels);
        Self {
            tag,
            id: image.id.clone(),
            runtime: facts.runtime,
            packages: facts.packages,
            setup_script: facts.setup_script,
            created: image.created,
            size: image.size,
        }
    }
}

/// What the labels of an image say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageFacts {
    pub(crate) runtime: String,
    pub(crate) packages: Vec<String>,
    pub(crate) setup_script: Option<String>,
}

impl ImageFacts {
    /// Whether the image has all of `wanted`.
    pub(crate) fn has(&self, wanted: &[String]) -> bool {
        includes(&self.packages, wanted)
    }

    pub(super) fn new(labels: &HashMap<String, String>) -> Self {
        let text = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
        let packages = text(DEPENDENCIES_LABEL).split(',');
        let setup = text(SETUP_LABEL);
        Self {
            runtime: text(RUNTIME_LABEL).to_owned(),
            packages: packages
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            setup_script: (!setup.trim().is_empty()).then(|| setup.to_owned()),
        }
    }
}

/// Of `images`, the one for `runtime` that has all of `wanted` (sorted) and the fewest others; of
/// several such the newest.
pub(crate) fn best_match<'a>(
    images: &'a [CustomImageInfo],
    runtime: &str,
    wanted: &[String],
) -> Option<&'a CustomImageInfo> {
    images
        .iter()
        .filter(|image| image.runtime == runtime && includes(&image.packages, wanted))
        .min_by_key(|image| (image.packages.len(), Reverse(image.created)))
}

fn includes(packages: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|name| packages.contains(name))
}

/// What is known of the image `name`; `None` when there is no such image.
pub(crate) async fn image_facts(
    client: &DockerClient,
    name: &str,
) -> Result<Option<ImageFacts>, EngineError> {
    Ok(labels_of(client, name)
        .await?
        .map(|labels| ImageFacts::new(&labels)))
}

/// The custom images on the daemon, by name.
pub async fn list_custom_images(
    client: &DockerClient,
) -> Result<Vec<CustomImageInfo>, EngineError> {
    let filters = HashMap::from([("label".to_owned(), vec![DEPENDENCY_HASH_LABEL.to_owned()])]);
    let options = ListImagesOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let mut images: Vec<_> = client
        .docker()
        .await?
        .list_images(Some(options))
        .await?
        .iter()
        .flat_map(|image| {
            let named = image.repo_tags.iter().filter(|tag| !tag.contains("<none>"));
            named.map(|tag| CustomImageInfo::new(tag.clone(), image))
        })
        .collect();
    images.sort_by(|a, b| a.tag.cmp(&b.tag));
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_matches_come_before_supersets_and_newer_ones_before_older() {
        let info = |tag: &str, runtime: &str, packages: &[&str], created| CustomImageInfo {
            tag: tag.to_owned(),
            id: String::new(),
            runtime: runtime.to_owned(),
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            setup_script: None,
            created,
            size: 0,
        };
        let images = [
            info("large", "python", &["a", "b", "c"], 9),
            info("old", "python", &["a", "b"], 1),
            info("new", "python", &["a", "b"], 2),
            info("other", "node", &["a"], 3),
        ];
        let best = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            best_match(&images, "python", &wanted).map(|image| image.tag.as_str())
        };
        assert_eq!(best(&["a", "b"]), Some("new"));
        assert_eq!(best(&["a"]), Some("new"));
        assert_eq!(best(&["c"]), Some("large"));
        assert_eq!(best(&["a", "d"]), None);
    }
}

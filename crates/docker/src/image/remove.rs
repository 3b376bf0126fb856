//! Removal of our images.

use bollard::{
    models::ImageSummary,
    query_parameters::{ListImagesOptions, RemoveImageOptions},
};
use isol8_backend::{BackendError, CleanupReport};
use serde::Serialize;

use crate::{
    Client,
    cleanup::count,
    labels::{DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL},
};

/// An image that is ours to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnImage {
    /// Its id.
    pub id: String,
    /// Its names; none when a newer build has taken them over.
    pub names: Vec<String>,
}

/// Every image tagged `isol8:…`, every custom image, and what newer builds have replaced.
pub(super) async fn list(client: &Client) -> Result<Vec<OwnImage>, BackendError> {
    let docker = client.docker().await?;
    let images = docker
        .list_images(Some(ListImagesOptions::default()))
        .await
        .map_err(|error| client.failed(error))?;
    let ours = images.into_iter().filter_map(|image| {
        let id = image.id.clone();
        let mut names = names_of_ours(image);
        if names.is_empty() {
            return None;
        }
        names.retain(|name| *name != id);
        Some(OwnImage { id, names })
    });
    Ok(ours.collect())
}

/// Removes what [`list`] lists.
pub(super) async fn all(client: &Client) -> Result<CleanupReport, BackendError> {
    let docker = client.slow().await?;
    let mut report = CleanupReport::default();
    for OwnImage { id, names } in list(client).await? {
        for name in if names.is_empty() { vec![id] } else { names } {
            let removal = RemoveImageOptions {
                force: true,
                ..Default::default()
            };
            let removed = docker.remove_image(&name, Some(removal), None).await;
            count(&mut report, &name, removed.map(drop));
        }
    }
    Ok(report)
}

/// The names under which an image is ours to remove. Labels are inherited: an image that a user has
/// built on one of ours carries them, too, and stays.
fn names_of_ours(image: ImageSummary) -> Vec<String> {
    let has = |label| image.labels.contains_key(label);
    if image.repo_tags.is_empty() {
        // What a newer build of ours has replaced.
        return if has(IMAGE_RUNTIME_LABEL) {
            vec![image.id]
        } else {
            Vec::new()
        };
    }
    let custom = has(DEPENDENCY_HASH_LABEL);
    let tags = image.repo_tags.into_iter();
    tags.filter(|tag| custom || tag.starts_with("isol8:"))
        .collect()
}

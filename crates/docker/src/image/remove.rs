//! Removal of our images.

use bollard::{
    models::ImageSummary,
    query_parameters::{ListImagesOptions, RemoveImageOptions},
};
use isol8_backend::{BackendError, CleanupReport};

use crate::{
    Client,
    cleanup::count,
    error::failed,
    labels::{DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL},
};

/// Removes every image tagged `isol8:…`, every custom image, and what newer builds have replaced.
pub(super) async fn all(client: &Client) -> Result<CleanupReport, BackendError> {
    let docker = client.docker().await?;
    let mut report = CleanupReport::default();
    let images = docker
        .list_images(Some(ListImagesOptions::default()))
        .await
        .map_err(failed)?;
    for name in images.into_iter().flat_map(names_of_ours) {
        let removal = RemoveImageOptions {
            force: true,
            ..Default::default()
        };
        let removed = docker.remove_image(&name, Some(removal), None).await;
        count(&mut report, &name, removed.map(drop));
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

//! Removal of what is left on the daemon: containers and images of ours.

use std::collections::HashMap;

use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, RemoveContainerOptions, RemoveImageOptions,
};
use serde::Serialize;

use super::{Client, MANAGED_LABEL};
use crate::error::EngineError;

/// What a cleanup did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanupReport {
    /// How many were removed.
    pub removed: u64,
    /// How many could not be removed.
    pub failed: u64,
    /// Why, one message for each failure.
    pub errors: Vec<String>,
}

impl CleanupReport {
    fn count(&mut self, what: &str, outcome: Result<(), bollard::errors::Error>) {
        match outcome {
            Ok(()) => self.removed += 1,
            Err(error) => {
                self.failed += 1;
                self.errors.push(format!("{what}: {error}"));
            }
        }
    }
}

/// Removes every container that carries our label, running or not.
pub async fn cleanup_containers(client: &Client) -> Result<CleanupReport, EngineError> {
    let docker = client.docker().await?;
    let filters = HashMap::from([("label".to_owned(), vec![format!("{MANAGED_LABEL}=true")])]);
    let options = ListContainersOptions {
        all: true,
        filters: Some(filters),
        ..Default::default()
    };
    let mut report = CleanupReport::default();
    for container in docker.list_containers(Some(options)).await? {
        let Some(id) = container.id else { continue };
        let removal = RemoveContainerOptions {
            force: true,
            ..Default::default()
        };
        report.count(&id, docker.remove_container(&id, Some(removal)).await);
    }
    Ok(report)
}

/// Removes every image that carries our runtime label or a tag `isol8:…`.
pub async fn cleanup_images(client: &Client) -> Result<CleanupReport, EngineError> {
    let docker = client.docker().await?;
    let mut report = CleanupReport::default();
    let images = docker
        .list_images(Some(ListImagesOptions::default()))
        .await?;
    for image in images {
        let ours = image.labels.contains_key(crate::image::RUNTIME_LABEL)
            || image.repo_tags.iter().any(|tag| tag.starts_with("isol8:"));
        if !ours {
            continue;
        }
        // By tag, so that an image which also has a tag of the user's keeps that one.
        let names = if image.repo_tags.is_empty() {
            vec![image.id]
        } else {
            image.repo_tags
        };
        for name in names {
            let removal = RemoveImageOptions {
                force: true,
                ..Default::default()
            };
            report.count(
                &name,
                docker
                    .remove_image(&name, Some(removal), None)
                    .await
                    .map(drop),
            );
        }
    }
    Ok(report)
}

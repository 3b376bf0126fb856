//! Removal of what is left on the daemon: containers and images of ours.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bollard::{
    errors::Error as DockerError,
    models::{ContainerSummary, ContainerSummaryStateEnum, ImageSummary},
    query_parameters::{
        ListContainersOptions, ListImagesOptions, RemoveContainerOptions, RemoveImageOptions,
    },
};
use serde::Serialize;

use super::{
    Client, MANAGED_LABEL,
    container::PERSIST_LABEL,
    owner::{self, OWNER_LABEL},
};
use crate::{
    error::EngineError,
    image::{DEPENDENCY_HASH_LABEL, RUNTIME_LABEL},
};

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
    fn count(&mut self, what: &str, outcome: Result<(), DockerError>) {
        match outcome {
            Ok(()) => self.removed += 1,
            Err(error) => {
                self.failed += 1;
                self.errors.push(format!("{what}: {error}"));
            }
        }
    }
}

/// How old a container must be that was created and never started. A younger one may be about to be.
const START_GRACE: Duration = Duration::from_mins(1);

/// Removes the containers with our label that nobody uses: ended ones, those that were never
/// started, and those that were made to persist and whose process has let go of them or has ended. The
/// process of another machine, or of another container, cannot be seen from here: its containers stay.
/// Those that run and do not persist belong to a process that lives, since they end with it.
pub async fn cleanup_containers(client: &Client) -> Result<CleanupReport, EngineError> {
    remove_containers(client, is_abandoned).await
}

/// Removes the containers with our label that were created and never started: a process was killed
/// just then, and nothing in them could notice.
pub(super) async fn remove_never_started(client: &Client) -> Result<(), EngineError> {
    let never_started = |container: &ContainerSummary, now| {
        container.state == Some(ContainerSummaryStateEnum::CREATED) && is_abandoned(container, now)
    };
    let report = remove_containers(client, never_started).await?;
    if report != CleanupReport::default() {
        tracing::debug!(?report, "containers that were never started");
    }
    Ok(())
}

async fn remove_containers(
    client: &Client,
    choose: impl Fn(&ContainerSummary, Duration) -> bool,
) -> Result<CleanupReport, EngineError> {
    let docker = client.docker().await?;
    let filters = HashMap::from([("label".to_owned(), vec![format!("{MANAGED_LABEL}=true")])]);
    let options = ListContainersOptions {
        all: true,
        filters: Some(filters),
        ..Default::default()
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut report = CleanupReport::default();
    for container in docker.list_containers(Some(options)).await? {
        if !choose(&container, now) {
            continue;
        }
        let Some(id) = container.id else { continue };
        let removal = RemoveContainerOptions {
            force: true,
            ..Default::default()
        };
        match docker.remove_container(&id, Some(removal)).await {
            // Gone, or going, without us.
            Err(DockerError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            outcome => report.count(&id, outcome),
        }
    }
    Ok(report)
}

/// Whether nobody uses `container`. `now` is the time since the epoch.
fn is_abandoned(container: &ContainerSummary, now: Duration) -> bool {
    use ContainerSummaryStateEnum as State;

    match container.state {
        Some(State::RUNNING | State::PAUSED | State::RESTARTING) => {
            let label = |name| {
                container
                    .labels
                    .as_ref()
                    .and_then(|labels| labels.get(name))
            };
            let id = container.id.as_deref().unwrap_or_default();
            let owner = label(OWNER_LABEL).map(String::as_str);
            label(PERSIST_LABEL).is_some() && owner::is_free(id, owner)
        }
        Some(State::CREATED) => {
            let created = container.created.unwrap_or(0).try_into().unwrap_or(0);
            now.saturating_sub(Duration::from_secs(created)) >= START_GRACE
        }
        _ => true,
    }
}

/// Removes every image tagged `isol8:…`, every custom image, and what newer builds have replaced.
pub async fn cleanup_images(client: &Client) -> Result<CleanupReport, EngineError> {
    let docker = client.docker().await?;
    let mut report = CleanupReport::default();
    let images = docker
        .list_images(Some(ListImagesOptions::default()))
        .await?;
    for image in images {
        for name in names_of_ours(image) {
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

/// The names under which an image is ours to remove. Labels are inherited: an image that a user has
/// built on one of ours carries them, too, and stays.
fn names_of_ours(image: ImageSummary) -> Vec<String> {
    let has = |label| image.labels.contains_key(label);
    if image.repo_tags.is_empty() {
        // What a newer build of ours has replaced.
        return if has(RUNTIME_LABEL) {
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

#[cfg(test)]
mod tests {
    use ContainerSummaryStateEnum as State;

    use super::*;

    #[test]
    fn containers_of_living_processes_are_not_abandoned() {
        let now = Duration::from_secs(1_000_000);
        let container = |state, created, persists| ContainerSummary {
            state: Some(state),
            created: Some(created),
            labels: Some(
                [MANAGED_LABEL, PERSIST_LABEL]
                    .into_iter()
                    .take(if persists { 2 } else { 1 })
                    .map(|label| (label.to_owned(), "true".to_owned()))
                    .collect(),
            ),
            ..ContainerSummary::default()
        };
        for (state, created, persists, abandoned) in [
            (State::RUNNING, 1, false, false),
            (State::PAUSED, 1, false, false),
            (State::RUNNING, 1, true, true),
            (State::EXITED, 999_999, false, true),
            (State::DEAD, 999_999, false, true),
            (State::CREATED, 999_941, false, false),
            (State::CREATED, 1_000_005, false, false),
            (State::CREATED, 999_940, false, true),
        ] {
            let given = container(state, created, persists);
            assert_eq!(
                is_abandoned(&given, now),
                abandoned,
                "{state:?} {created} {persists}"
            );
        }
    }
}

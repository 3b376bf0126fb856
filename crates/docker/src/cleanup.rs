//! Removal of what is left on the daemon: containers and images of ours.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bollard::{
    errors::Error as DockerError,
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::{ListContainersOptions, RemoveContainerOptions},
};
use isol8_backend::{BackendError, CleanupReport};
use serde::Serialize;

use crate::{
    Client,
    labels::{MANAGED_LABEL, OWNER_LABEL, PERSIST_LABEL},
    owner,
};

/// How old a container must be that was created and never started. A younger one may be about to be.
const START_GRACE: Duration = Duration::from_mins(1);

/// Removes the containers with our label that nobody uses: ended ones, those that were never
/// started, and those that were made to persist and whose process has let go of them or has ended. The
/// process of another machine, or of another container, cannot be seen from here: its containers stay.
/// Those that run and do not persist belong to a process that lives, since they end with it.
pub(crate) async fn remove_abandoned(client: &Client) -> Result<CleanupReport, BackendError> {
    remove_containers(client, is_abandoned).await
}

/// Removes the containers with our label that were created and never started: a process was killed
/// just then, and nothing in them could notice.
pub(crate) async fn remove_never_started(client: &Client) -> Result<(), BackendError> {
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
) -> Result<CleanupReport, BackendError> {
    let docker = client.docker().await?;
    let mut report = CleanupReport::default();
    for container in ours(client, choose).await? {
        let Some(id) = container.id else { continue };
        let removal = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        match docker.remove_container(&id, Some(removal)).await {
            // Gone, or going, without us.
            Err(DockerError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            outcome => count(&mut report, &id, outcome),
        }
    }
    Ok(report)
}

/// The containers with our label that `choose` takes.
async fn ours(
    client: &Client,
    choose: impl Fn(&ContainerSummary, Duration) -> bool,
) -> Result<Vec<ContainerSummary>, BackendError> {
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
    let listed = docker
        .list_containers(Some(options))
        .await
        .map_err(|error| client.failed(error))?;
    let chosen = listed.into_iter();
    Ok(chosen.filter(|container| choose(container, now)).collect())
}

/// A container of ours that nobody uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AbandonedContainer {
    /// Its id.
    pub id: String,
    /// The image that it was made from.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// What [`remove_abandoned`] would remove.
pub(crate) async fn list_abandoned(
    client: &Client,
) -> Result<Vec<AbandonedContainer>, BackendError> {
    let containers = ours(client, is_abandoned).await?.into_iter();
    Ok(containers
        .map(|container| AbandonedContainer {
            id: container.id.unwrap_or_default(),
            image: container.image.unwrap_or_default(),
            running: container.state == Some(ContainerSummaryStateEnum::RUNNING),
            created: container.created.unwrap_or_default(),
        })
        .collect())
}

/// Counts a removal. `what` names what it was.
pub(crate) fn count(report: &mut CleanupReport, what: &str, outcome: Result<(), DockerError>) {
    match outcome {
        Ok(()) => report.removed += 1,
        Err(error) => {
            report.failed += 1;
            report.errors.push(format!("{what}: {error}"));
        }
    }
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
                    .map(String::as_str)
            };
            let id = container.id.as_deref().unwrap_or_default();
            let owner = label(OWNER_LABEL).filter(|label| !label.is_empty());
            label(PERSIST_LABEL) == Some("true") && owner::is_free(id, owner)
        }
        Some(State::CREATED) => {
            let created = container.created.unwrap_or(0).try_into().unwrap_or(0);
            now.saturating_sub(Duration::from_secs(created)) >= START_GRACE
        }
        _ => true,
    }
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

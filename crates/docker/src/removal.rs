//! The removal of one container.

use std::time::Duration;

use bollard::{Docker, errors::Error as DockerError, query_parameters::RemoveContainerOptions};

use crate::owner;

/// How long the daemon may take to remove a container.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

/// Removes a container that could not be started.
pub(crate) async fn remove_failed(docker: &Docker, id: &str) {
    if let Err(error) = remove(docker, id).await {
        tracing::debug!(%error, "container of a failed start was not removed");
    }
}

/// Removes a container, in whatever state it is.
pub(crate) async fn remove(docker: &Docker, id: &str) -> Result<(), DockerError> {
    owner::let_go(id);
    let docker = docker.clone().with_timeout(REMOVAL_LIMIT);
    let options = RemoveContainerOptions {
        force: true,
        // With the volumes that the image declares.
        v: true,
        link: false,
    };
    match docker.remove_container(id, Some(options)).await {
        // Gone already, or going: auto-removal was faster.
        Ok(())
        | Err(DockerError::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(error) => Err(error),
    }
}

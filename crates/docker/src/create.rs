//! A container that does not run yet: with a user of its own, and with what its guest puts into volumes.

use std::{io, sync::Arc};

use bollard::{Docker, errors::Error as DockerError, query_parameters::CreateContainerOptions};
use isol8_backend::SandboxSpec;

use crate::{
    container::{self, ContainerPlan},
    own_user::{self, Users},
    removal::remove_failed,
    volumes::{self, ImageVolumes},
};

/// A sandbox to start.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) spec: SandboxSpec,
    /// What its image declares as volumes.
    pub(crate) volumes: Option<Arc<ImageVolumes>>,
    /// Where it gets a user of its own from, if it has one.
    pub(crate) users: Option<Users>,
}

/// Creates a container, with what its guest puts into the volumes of the image.
pub(crate) async fn create(
    docker: &Docker,
    plan: ContainerPlan<'_>,
    wanted: &Wanted,
) -> Result<String, DockerError> {
    let id = if let Some(users) = &wanted.users {
        create_with_user(docker, plan, users).await?
    } else {
        let created = docker.create_container(None, container::body(plan));
        created.await?.id
    };
    if let Some(volumes) = &wanted.volumes
        && let Err(error) = volumes::upload(docker, &id, volumes).await
    {
        remove_failed(docker, &id).await;
        return Err(error);
    }
    Ok(id)
}

/// Creates a container whose user no other container has.
async fn create_with_user(
    docker: &Docker,
    plan: ContainerPlan<'_>,
    users: &Users,
) -> Result<String, DockerError> {
    for _ in 0..own_user::ATTEMPTS {
        let user = users.any();
        let options = CreateContainerOptions {
            name: Some(own_user::container_name(user)),
            ..Default::default()
        };
        let body = container::body(ContainerPlan {
            own_user: Some(user),
            ..plan
        });
        match docker.create_container(Some(options), body).await {
            Err(error) if own_user::is_taken(&error) => {}
            created => return Ok(created?.id),
        }
    }
    Err(io::Error::other(
        "no free user was found for the sandbox (option security.ownUser): too many sandboxes have one",
    )
    .into())
}

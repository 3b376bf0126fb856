//! A container that does not run yet: with a user of its own, and with what its guest puts into volumes.

use std::{io, sync::Arc};

use bollard::{
    Docker, errors::Error as DockerError, models::ContainerCreateBody,
    query_parameters::CreateContainerOptions,
};
use isol8_backend::SandboxSpec;

use crate::{
    container::{self, ContainerPlan},
    dialect::Dialect,
    link_socket::SharedFile,
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
    /// What runs the container.
    pub(crate) dialect: Dialect,
    /// Whether the daemon is on this machine.
    pub(crate) is_on_this_machine: bool,
}

/// Creates a container, with what its guest puts into the volumes of the image.
pub(crate) async fn create(
    docker: &Docker,
    plan: ContainerPlan<'_>,
    wanted: &Wanted,
) -> Result<String, DockerError> {
    let id = if let Some(users) = &wanted.users {
        create_with_user(docker, plan, wanted, users).await?
    } else {
        create_as(docker, None, plan, wanted).await?
    };
    if let Some(volumes) = &wanted.volumes
        && let Err(error) = volumes::upload(docker, &id, volumes).await
    {
        remove_failed(docker, &id).await;
        return Err(error);
    }
    Ok(id)
}

/// Creates a container, in the way that the daemon takes.
async fn create_as(
    docker: &Docker,
    options: Option<CreateContainerOptions>,
    plan: ContainerPlan<'_>,
    wanted: &Wanted,
) -> Result<String, DockerError> {
    let mut body: ContainerCreateBody = container::body(plan);
    let profile = wanted.dialect.profile(&body, wanted.is_on_this_machine)?;
    let file = profile.as_ref().map(SharedFile::path);
    wanted.dialect.adapt(&mut body, file);
    Ok(docker.create_container(options, body).await?.id)
}

/// Creates a container whose user no other container has.
async fn create_with_user(
    docker: &Docker,
    plan: ContainerPlan<'_>,
    wanted: &Wanted,
    users: &Users,
) -> Result<String, DockerError> {
    for _ in 0..own_user::ATTEMPTS {
        let user = users.any();
        let options = CreateContainerOptions {
            name: Some(own_user::container_name(user)),
            ..Default::default()
        };
        let plan = ContainerPlan {
            own_user: Some(user),
            ..plan
        };
        match create_as(docker, Some(options), plan, wanted).await {
            Err(error) if own_user::is_taken(&error) => {}
            created => return created,
        }
    }
    Err(io::Error::other(
        "no free user was found for the sandbox (option security.ownUser): too many sandboxes have one",
    )
    .into())
}

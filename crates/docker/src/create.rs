//! A container that does not run yet: with a user of its own, and with what its guest puts into volumes.

use std::{io, sync::Arc};

use bollard::{Docker, errors::Error as DockerError, query_parameters::CreateContainerOptions};
use isol8_backend::SandboxSpec;
use uuid::Uuid;

use crate::{
    container::{self, ContainerPlan},
    dialect::Dialect,
    own_user::{self, Users},
    process_dir::SharedFile,
    removal::remove_failed,
    volumes::{self, ImageVolumes},
};

/// How much of a runtime's name the name of a container has.
const RUNTIME_CHARS: usize = 32;

/// Hexadecimal digits at the end of a container's name.
const ID_CHARS: usize = 12;

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
        let name = container_name(&plan.spec.runtime);
        create_as(docker, name, plan, wanted).await?
    };
    if let Some(volumes) = &wanted.volumes
        && let Err(error) = volumes::upload(docker, &id, volumes).await
    {
        remove_failed(docker, &id).await;
        return Err(error);
    }
    Ok(id)
}

/// A name by which people recognise a sandbox, such as `isol8-python-0a1b2c3d4e5f`. Its end is random.
fn container_name(runtime: &str) -> String {
    // Callers name their own runtimes. Docker allows these characters.
    let is_plain =
        |character: &char| character.is_ascii_alphanumeric() || "_.-".contains(*character);
    let runtime: String = runtime
        .chars()
        .filter(is_plain)
        .take(RUNTIME_CHARS)
        .collect();
    let id = Uuid::new_v4().simple().to_string();
    format!("isol8-{runtime}-{}", &id[..ID_CHARS])
}

/// Creates a container, in the way that the daemon takes.
async fn create_as(
    docker: &Docker,
    name: String,
    plan: ContainerPlan<'_>,
    wanted: &Wanted,
) -> Result<String, DockerError> {
    let options = CreateContainerOptions {
        name: Some(name),
        ..Default::default()
    };
    let mut body = container::body(plan);
    let profile = wanted.dialect.profile(&body, wanted.is_on_this_machine)?;
    let file = profile.as_ref().map(SharedFile::path);
    wanted.dialect.adapt(&mut body, file);
    Ok(docker.create_container(Some(options), body).await?.id)
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
        let name = own_user::container_name(user);
        let plan = ContainerPlan {
            own_user: Some(user),
            ..plan
        };
        match create_as(docker, name, plan, wanted).await {
            Err(error) if own_user::is_taken(&error) => {}
            created => return created,
        }
    }
    Err(io::Error::other(
        "no free user was found for the sandbox (option security.ownUser): too many sandboxes have one",
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_runtime_and_only_characters_that_docker_allows() {
        let name = container_name("python");
        let id = name.strip_prefix("isol8-python-").unwrap();
        assert_eq!(id.len(), ID_CHARS);
        assert_ne!(name, container_name("python"));
        assert!(container_name("my lang/…1").starts_with("isol8-mylang1-"));
        assert!(container_name(&"x".repeat(500)).len() < 64);
    }
}

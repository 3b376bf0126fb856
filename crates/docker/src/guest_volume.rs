//! The volume that holds the guest and its launchers. Its name has their digest, so a new library never
//! meets an old guest, and nothing in an image ever needs to change.

use std::{collections::HashMap, io, sync::LazyLock, time::Duration};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions},
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, RemoveContainerOptions,
        UploadToContainerOptions,
    },
};
use bytes::Bytes;
use isol8_backend::{GUEST_DIGEST, GuestFile, guest_files};
use isol8_protocol::{GUEST_DIR, GUEST_PATH};
use tokio::runtime::Handle;

use crate::labels::{self, MANAGED_LABEL};

/// Most time that a process takes to fill the volume. One that has taken longer has been killed.
const FILL_LIMIT: Duration = Duration::from_secs(30);

/// How often a process looks whether another one has filled the volume.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The volume as a mount of a container.
pub(crate) fn mount(read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(format!("isol8-guest-{GUEST_DIGEST}")),
        target: Some(GUEST_DIR.to_owned()),
        read_only: Some(read_only),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(HashMap::from([(
                MANAGED_LABEL.to_owned(),
                "true".to_owned(),
            )])),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// Whether a container failed to start because its volume does not hold a whole guest (yet).
pub(crate) fn is_missing_guest(error: &DockerError) -> bool {
    let DockerError::DockerResponseServerError { message, .. } = error else {
        return false;
    };
    // Podman names an error of the system with a capital letter.
    let message = message.to_lowercase();
    message.contains(GUEST_PATH)
        && [
            "no such file",
            "text file busy",
            "exec format error",
            "permission denied",
        ]
        .iter()
        .any(|cause| message.contains(cause))
}

/// The right to fill the volume: a container with a name that the daemon gives once. Filling the volume replaces its
/// files one by one while sandboxes may be reading them, so only a volume without a whole guest may be filled.
pub(crate) struct Filler {
    docker: Docker,
    id: String,
    released: bool,
}

impl Filler {
    /// Claims the right to fill the volume. Returns nothing when somebody else has filled it meanwhile. Needs an image
    /// that exists, any image. No code of it runs.
    pub(crate) async fn claim(docker: &Docker, image: &str) -> Result<Option<Self>, DockerError> {
        let name = format!("isol8-guest-{GUEST_DIGEST}-filler");
        let options = CreateContainerOptions {
            name: Some(name.clone()),
            ..CreateContainerOptions::default()
        };
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["/never-started".to_owned()]),
            labels: Some(labels::of_container("guest")),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                mounts: Some(vec![mount(false)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let daemon = docker.clone();
        // In a task: Docker carries the creation through when the caller has gone. The claim is then dropped, and
        // others need not wait for it.
        let claiming = tokio::spawn(async move {
            let created = daemon.create_container(Some(options), body).await;
            created.map(|created| Self {
                docker: daemon,
                id: created.id,
                released: false,
            })
        });
        let claimed = claiming.await.map_err(|error| DockerError::IOError {
            err: io::Error::other(error),
        })?;
        match claimed {
            Ok(claimed) => Ok(Some(claimed)),
            Err(DockerError::DockerResponseServerError {
                status_code: 409, ..
            }) => {
                gone(docker, &name).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fills the volume.
    pub(crate) async fn fill(&self) -> Result<(), DockerError> {
        let upload = UploadToContainerOptions {
            path: GUEST_DIR.to_owned(),
            ..Default::default()
        };
        let contents = bollard::body_full(ARCHIVE.clone());
        self.docker
            .upload_to_container(&self.id, Some(upload), contents)
            .await
    }

    /// Gives the right back. Dropping it does the same later.
    pub(crate) async fn release(mut self) -> Result<(), DockerError> {
        remove(&self.docker, &self.id).await?;
        self.released = true;
        Ok(())
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move { remove(&docker, &id).await });
        }
    }
}

/// Removes the container of a [`Filler`]. The volume stays, because it has a name.
async fn remove(docker: &Docker, container: &str) -> Result<(), DockerError> {
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        ..Default::default()
    };
    match docker.remove_container(container, Some(options)).await {
        // Somebody else has removed it, or does.
        Ok(())
        | Err(DockerError::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Waits until the container `name` is gone. Removes it when whoever made it takes longer than it ever should.
async fn gone(docker: &Docker, name: &str) -> Result<(), DockerError> {
    let waiting = async {
        loop {
            match docker
                .inspect_container(name, None::<InspectContainerOptions>)
                .await
            {
                Ok(_) => tokio::time::sleep(POLL_INTERVAL).await,
                Err(DockerError::DockerResponseServerError {
                    status_code: 404, ..
                }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout(FILL_LIMIT, waiting).await {
        Ok(outcome) => outcome,
        Err(_) => remove(docker, name).await,
    }
}

/// The volume's contents as a tar archive.
static ARCHIVE: LazyLock<Bytes> = LazyLock::new(|| {
    let bytes: usize = guest_files().map(|file| file.contents.len() + 4096).sum();
    let mut archive = tar::Builder::new(Vec::with_capacity(bytes));
    for GuestFile { path, contents } in guest_files() {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(contents.len() as u64);
        // Writing to memory cannot fail. Docker makes the directories.
        let _ = archive.append_data(&mut header, path, contents);
    }
    archive.into_inner().unwrap_or_default().into()
});

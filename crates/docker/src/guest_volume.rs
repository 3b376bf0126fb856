//! The volume that holds the guest and its launchers. Its name has their digest, so a new library never
//! meets an old guest, and nothing in an image ever needs to change.

use std::{collections::HashMap, sync::LazyLock};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions},
    query_parameters::{RemoveContainerOptions, UploadToContainerOptions},
};
use bytes::Bytes;
use isol8_backend::{GUEST_DIGEST, GuestFile, guest_files};
use isol8_protocol::{GUEST_DIR, GUEST_PATH};
use tokio::sync::Mutex;

use crate::labels::{self, MANAGED_LABEL};

/// One task of this process fills the volume. The others wait and find it filled. Filling it once more replaces its files one by one, and a sandbox of another
/// backend in this process may be reading them.
pub(crate) static INSTALLING: Mutex<()> = Mutex::const_new(());

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

/// Fills the volume. Needs an image that exists, any image. No code of it runs.
pub(crate) async fn install(docker: &Docker, image: &str) -> Result<(), DockerError> {
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
    let id = docker.create_container(None, body).await?.id;
    let upload = UploadToContainerOptions {
        path: GUEST_DIR.to_owned(),
        ..Default::default()
    };
    let uploaded = docker
        .upload_to_container(&id, Some(upload), bollard::body_full(ARCHIVE.clone()))
        .await;
    let removal = RemoveContainerOptions {
        force: true,
        v: true,
        ..Default::default()
    };
    docker.remove_container(&id, Some(removal)).await?;
    uploaded
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

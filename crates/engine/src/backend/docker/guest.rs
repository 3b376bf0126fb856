//! The guest and its volume. The volume is named after the digest of all that is
//! in it, the guest and the launchers, so a new library never meets an old guest, and nothing in an image ever needs to change.

use std::sync::LazyLock;

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{RemoveContainerOptions, UploadToContainerOptions},
};
use isol8_protocol::GUEST_DIR;

use super::container::{guest_mount, labels};
use crate::error::EngineError;

/// The guest's program, for the platform that this library was built for.
const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest"));

/// Name of the volume that holds the guest.
pub(super) fn volume_name() -> String {
    format!("isol8-guest-{}", env!("ISOL8_GUEST_HASH"))
}

/// Whether a container failed to start because its volume does not hold a whole guest (yet).
pub(super) fn is_missing_guest(message: &str) -> bool {
    message.contains(isol8_protocol::GUEST_PATH)
        && [
            "no such file",
            "text file busy",
            "exec format error",
            "permission denied",
        ]
        .iter()
        .any(|cause| message.contains(cause))
}

/// Fills the volume. Needs an image that exists, any image; no code of it runs.
pub(super) async fn install(docker: &Docker, image: &str) -> Result<(), EngineError> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec!["/never-started".to_owned()]),
        labels: Some(labels("guest")),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            mounts: Some(vec![guest_mount(false)]),
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
        ..Default::default()
    };
    docker.remove_container(&id, Some(removal)).await?;
    uploaded?;
    Ok(())
}

/// A file of the volume.
struct VolumeFile {
    /// Path below [`GUEST_DIR`].
    path: &'static str,
    contents: &'static [u8],
}

// `static LAUNCHERS: &[VolumeFile]`: every file below `launchers/`, see `build.rs`.
include!(concat!(env!("OUT_DIR"), "/launchers.rs"));

/// The volume's contents. The guest comes last: while it is being written it cannot be started, so
/// a sandbox that starts finds everything.
static ARCHIVE: LazyLock<bytes::Bytes> = LazyLock::new(|| {
    let launchers: usize = LAUNCHERS
        .iter()
        .map(|file| file.contents.len() + 4096)
        .sum();
    let mut archive = tar::Builder::new(Vec::with_capacity(GUEST.len() + launchers + 4096));
    let guest = VolumeFile {
        path: "guest",
        contents: GUEST,
    };
    for VolumeFile { path, contents } in LAUNCHERS.iter().chain([&guest]) {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(contents.len() as u64);
        // Writing to memory cannot fail. Docker makes the directories.
        let _ = archive.append_data(&mut header, path, *contents);
    }
    archive.into_inner().unwrap_or_default().into()
});

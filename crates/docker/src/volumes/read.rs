//! Reads what an image has in its volumes, from a container that is never started.

use std::{io, path::Path};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{
        ContainerArchiveInfoOptions, DownloadFromContainerOptions, RemoveContainerOptions,
    },
};
use futures::TryStreamExt as _;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{
    content::{Builder, ImageVolumes, Limit},
    error::VolumeError,
};
use crate::labels;

/// The bit of a symbolic link in the modes that Docker reports, which are those of Go.
const GO_MODE_SYMLINK: u32 = 1 << 27;

/// Reads the volumes at `paths` of `image`. No code of the image runs.
pub(super) async fn read(
    docker: &Docker,
    image: &str,
    paths: Vec<String>,
    limit: Limit,
) -> Result<ImageVolumes, VolumeError> {
    let (docker, image) = (docker.clone(), image.to_owned());
    // In a task: when the caller gives up, the container must be removed all the same.
    let reading = tokio::spawn(async move { read_image(&docker, &image, paths, limit).await });
    reading.await.map_err(io::Error::other)?
}

async fn read_image(
    docker: &Docker,
    image: &str,
    paths: Vec<String>,
    limit: Limit,
) -> Result<ImageVolumes, VolumeError> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec!["/never-started".to_owned()]),
        labels: Some(labels::of_container("volumes")),
        network_disabled: Some(true),
        host_config: Some(HostConfig::default()),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None, body).await?.id;
    let volumes = read_from(docker, &id, paths, limit).await;
    let removal = RemoveContainerOptions {
        force: true,
        // With the volumes that Docker has made for it.
        v: true,
        ..Default::default()
    };
    docker.remove_container(&id, Some(removal)).await?;
    volumes
}

async fn read_from(
    docker: &Docker,
    id: &str,
    paths: Vec<String>,
    limit: Limit,
) -> Result<ImageVolumes, VolumeError> {
    let mut builder = Builder::new(paths.clone())?;
    for path in paths {
        refuse_links(docker, id, &path).await?;
        let options = DownloadFromContainerOptions { path };
        let archive = docker
            .download_from_container(id, Some(options))
            .map_err(io::Error::other);
        let archive = StreamReader::new(Box::pin(archive));
        // Made here, because it wants to know the runtime.
        let archive = SyncIoBridge::new(archive);
        let adding = tokio::task::spawn_blocking(move || {
            builder.add(archive, limit)?;
            Ok::<_, VolumeError>(builder)
        });
        builder = adding.await.map_err(io::Error::other)??;
    }
    Ok(builder.finish()?)
}

/// Refuses a volume that is a symbolic link or lies behind one: its tmpfs would be where the link leads.
async fn refuse_links(docker: &Docker, id: &str, path: &str) -> Result<(), VolumeError> {
    let places = Path::new(path).ancestors();
    for place in places.filter(|place| place.parent().is_some()) {
        let options = ContainerArchiveInfoOptions {
            path: place.to_string_lossy().into_owned(),
        };
        let found = docker.get_container_archive_info(id, Some(options)).await?;
        if found.file_mode & GO_MODE_SYMLINK != 0 {
            return Err(VolumeError::Refused {
                path: path.to_owned(),
                reason: "it is a symbolic link in the image, or lies behind one",
            });
        }
    }
    Ok(())
}

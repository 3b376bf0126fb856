//! Brings the content of volumes into a container that was created and does not run yet.

use std::{io, os::unix::fs::FileExt as _, sync::Arc};

use bollard::{Docker, errors::Error as DockerError, query_parameters::UploadToContainerOptions};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use isol8_protocol::{VOLUMES_DIR, VOLUMES_FILE};

use super::content::ImageVolumes;

/// Read at once, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// Size of a block of an archive.
const BLOCK_BYTES: u64 = 512;

/// What ends an archive: two empty blocks.
const END: [u8; 1024] = [0; 1024];

/// Uploads the content of `volumes`, if there is any, for the guest of the container.
pub(crate) async fn upload(
    docker: &Docker,
    container: &str,
    volumes: &Arc<ImageVolumes>,
) -> Result<(), DockerError> {
    let Some(content) = &volumes.content else {
        return Ok(());
    };
    let length = content.length;
    let options = UploadToContainerOptions {
        path: VOLUMES_DIR.to_owned(),
        ..Default::default()
    };
    let padding = length.next_multiple_of(BLOCK_BYTES) - length;
    let padding = Bytes::from_static(&END).slice(..usize::try_from(padding).unwrap_or_default());
    let head = Bytes::from(header(length)?);
    let end = stream::iter([Ok(padding), Ok(Bytes::from_static(&END))]);
    let archive = stream::iter([Ok(head)])
        .chain(chunks(Arc::clone(volumes), length))
        .chain(end);
    let body = bollard::body_try_stream(archive);
    docker
        .upload_to_container(container, Some(options), body)
        .await
}

/// The header of the one file in the archive. Only root reads it.
fn header(length: u64) -> io::Result<Vec<u8>> {
    let name = VOLUMES_FILE.rsplit('/').next().unwrap_or_default();
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_mode(0o400);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(length);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

/// The bytes of the content. Each container reads them for itself.
fn chunks(
    volumes: Arc<ImageVolumes>,
    length: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(0_u64, move |offset| {
        let volumes = Arc::clone(&volumes);
        async move {
            let left = usize::try_from(length - offset).unwrap_or(CHUNK_BYTES);
            if left == 0 {
                return Ok(None);
            }
            let read = move || {
                let Some(content) = &volumes.content else {
                    return Ok(Bytes::new());
                };
                let mut chunk = BytesMut::zeroed(left.min(CHUNK_BYTES));
                content.file.read_exact_at(&mut chunk, offset)?;
                Ok(chunk.freeze())
            };
            let chunk: io::Result<Bytes> = tokio::task::spawn_blocking(read)
                .await
                .map_err(io::Error::other)?;
            let chunk = chunk?;
            let next = offset + chunk.len() as u64;
            Ok(Some((chunk, next)))
        }
    })
}

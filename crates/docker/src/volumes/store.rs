//! What is known of the volumes of images.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use bollard::Docker;
use isol8_backend::SandboxSpec;
use isol8_protocol::WRITABLE_DIRS;
use tokio::sync::Mutex;

use super::{
    content::{ImageVolumes, Limit},
    error::VolumeError,
    path,
    read::read,
};

/// Most images whose volumes are remembered. Each may have a temporary file.
const MAX_REMEMBERED: usize = 16;

/// Most volumes of one image.
const MAX_VOLUMES: usize = 32;

/// The volumes of images, by id. An id means one content for ever.
#[derive(Default)]
pub(crate) struct VolumeStore {
    /// The least recently used one comes first. Locked while one is read, so that each is read once.
    remembered: Mutex<Vec<(String, Arc<ImageVolumes>)>>,
}

impl VolumeStore {
    /// The volumes of the image of `spec`; `None` when it declares none that needs anything.
    pub(crate) async fn of(
        &self,
        docker: &Docker,
        spec: &SandboxSpec,
    ) -> Result<Option<Arc<ImageVolumes>>, VolumeError> {
        let paths = paths(&spec.volumes)?;
        if paths.is_empty() {
            return Ok(None);
        }
        let limit = limit(spec);
        let mut remembered = self.remembered.lock().await;
        let known = remembered
            .iter()
            .position(|(image, _)| *image == spec.image);
        let (image, volumes) = if let Some(at) = known {
            remembered.remove(at)
        } else {
            tracing::debug!(
                image = spec.image,
                ?paths,
                "reading the volumes of the image"
            );
            let volumes = read(docker, &spec.image, paths, limit).await?;
            (spec.image.clone(), Arc::new(volumes))
        };
        if remembered.len() >= MAX_REMEMBERED {
            remembered.remove(0);
        }
        remembered.push((image, Arc::clone(&volumes)));
        drop(remembered);
        fits(&volumes, limit)?;
        Ok(Some(volumes))
    }
}

/// What the content of a volume may need. A tmpfs is memory, and programs need some as well.
fn limit(spec: &SandboxSpec) -> Limit {
    let half = spec.memory_bytes / 2;
    if spec.volume_bytes <= half {
        Limit {
            bytes: spec.volume_bytes,
            option: "raise the option volumeSize",
        }
    } else {
        Limit {
            bytes: half,
            option: "it may take half of the memory of a sandbox, so raise the option memoryLimit",
        }
    }
}

fn fits(volumes: &ImageVolumes, limit: Limit) -> Result<(), VolumeError> {
    let mut before = 0_u64;
    for place in &volumes.places {
        limit.check(&place.path, place.bytes, before)?;
        before = before.saturating_add(place.bytes);
    }
    Ok(())
}

/// The paths that need a tmpfs, each once and sorted: the declared ones, and those between two of them.
fn paths(declared: &[String]) -> Result<Vec<String>, VolumeError> {
    let checked = declared.iter().map(|path| path::check(path));
    let mut paths = checked
        .filter_map(Result::transpose)
        .collect::<Result<BTreeSet<_>, _>>()?;
    // A path that an image declares may have any length, so no more folders are listed than decide.
    let declared = paths.clone();
    for path in declared.iter().flat_map(|path| between(path, &declared)) {
        if paths.len() > MAX_VOLUMES {
            break;
        }
        paths.insert(path.to_owned());
    }
    match paths.iter().nth(MAX_VOLUMES) {
        Some(path) => Err(VolumeError::Refused {
            path: path.clone(),
            reason: "an image can have 32 volumes, with the folders between a volume and one inside it",
        }),
        None => Ok(paths.into_iter().collect()),
    }
}

/// The directories between the volume `path` and the outermost writable place around it. As mounts they cannot
/// be renamed. A program could rename any other directory, with the volume in it, and a reset would not find it.
fn between<'a>(
    path: &'a str,
    volumes: &BTreeSet<String>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let above: Vec<&str> = Path::new(path)
        .ancestors()
        .skip(1)
        .filter_map(Path::to_str)
        .collect();
    let is_place = |path: &&str| volumes.contains(*path) || WRITABLE_DIRS.contains(path);
    let outermost = above.iter().rposition(is_place).unwrap_or_default();
    above.into_iter().take(outermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_volume_is_covered_once_and_their_number_is_limited() {
        let declared = ["/b", "/a/", "/a", "/tmp"].map(str::to_owned);
        assert_eq!(paths(&declared).unwrap(), ["/a", "/b"]);
        let nested = ["/a", "/a/b/c/d", "/a/b", "/sandbox/x/y", "/s/t"].map(str::to_owned);
        let all = [
            "/a",
            "/a/b",
            "/a/b/c",
            "/a/b/c/d",
            "/s/t",
            "/sandbox/x",
            "/sandbox/x/y",
        ];
        assert_eq!(paths(&nested).unwrap(), all);
        let deep = ["/a".to_owned(), format!("/a{}", "/b".repeat(MAX_VOLUMES))];
        let message = paths(&deep).err().unwrap().to_string();
        assert!(
            message.contains("32 volumes, with the folders"),
            "{message}"
        );
        let many: Vec<_> = (0..=MAX_VOLUMES)
            .map(|number| format!("/{number:02}"))
            .collect();
        assert!(paths(&many[1..]).is_ok());
        let message = paths(&many).err().unwrap().to_string();
        assert!(message.contains("the volume /32: "), "{message}");
    }
}

//! Volumes of an image as settings of a container.

use bollard::models::{Mount, MountType, MountVolumeOptions};
use isol8_protocol::{USER_ID, VOLUME_ARGUMENT, VOLUMES_ARGUMENT, VOLUMES_DIR};

use super::content::{ImageVolumes, Place};

/// The tmpfs of each volume, and its options. What belongs to the sandbox user in the image belongs to `own_user`, if
/// the sandbox has one.
pub(crate) fn tmpfs(
    volumes: Option<&ImageVolumes>,
    bytes: u64,
    own_user: Option<u32>,
) -> impl Iterator<Item = (&str, String)> {
    let places = volumes.into_iter().flat_map(|volumes| &volumes.places);
    places.map(move |place| {
        let Place {
            path,
            user,
            group,
            mode,
            ..
        } = place;
        let user = own_user.filter(|_| *user == USER_ID).unwrap_or(*user);
        let options =
            format!("rw,noexec,nosuid,nodev,size={bytes},uid={user},gid={group},mode={mode:o}");
        (path.as_str(), options)
    })
}

/// Where the content of the image is for the guest: a volume of the container alone, removed with it.
pub(crate) fn content_mount(volumes: Option<&ImageVolumes>) -> Option<Mount> {
    volumes?.content.as_ref()?;
    Some(Mount {
        typ: Some(MountType::VOLUME),
        target: Some(VOLUMES_DIR.to_owned()),
        read_only: Some(false),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    })
}

/// The arguments with which the guest learns of the volumes.
pub(crate) fn arguments(volumes: Option<&ImageVolumes>) -> Vec<String> {
    let places = volumes.into_iter().flat_map(|volumes| &volumes.places);
    let content = volumes.and_then(|volumes| volumes.content.as_ref());
    places
        .map(|place| format!("{VOLUME_ARGUMENT}{}", place.path))
        .chain(content.map(|_| VOLUMES_ARGUMENT.to_owned()))
        .collect()
}

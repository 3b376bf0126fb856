//! Where a sandbox can have a volume.

use std::path::Path;

use isol8_protocol::{GUEST_DIR, LINK_PATH, SESSION_DIR, VOLUMES_DIR, WRITABLE_DIRS};

use super::error::VolumeError;

/// Where the system or the guest has something of its own. A volume can be neither there, nor below, nor above.
const TAKEN: [&str; 10] = [
    GUEST_DIR,
    LINK_PATH,
    SESSION_DIR,
    VOLUMES_DIR,
    "/proc",
    "/sys",
    "/dev",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
];

/// The path that an image declares as a volume, as the daemon understands it. `None` when it is one of the
/// sandbox's own writable places, which covers the volume.
pub(super) fn check(declared: &str) -> Result<Option<String>, VolumeError> {
    let path = clean(declared);
    if WRITABLE_DIRS.contains(&path.as_str()) {
        return Ok(None);
    }
    let is_taken = |taken: &&str| {
        let (path, taken) = (Path::new(&path), Path::new(taken));
        path.starts_with(taken) || taken.starts_with(path)
    };
    if TAKEN.iter().any(is_taken) {
        return Err(VolumeError::Refused {
            path,
            reason: "it would cover what a sandbox needs",
        });
    }
    Ok(Some(path))
}

/// A path without double slashes, dots and a slash at its end.
fn clean(declared: &str) -> String {
    let mut parts = Vec::new();
    for part in declared.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_where_they_cover_nothing_that_a_sandbox_needs() {
        for (declared, path) in [
            ("/data", Some("/data")),
            ("data/", Some("/data")),
            ("//a/./b/../c", Some("/a/c")),
            ("/sandbox/cache", Some("/sandbox/cache")),
            ("/etc/app", Some("/etc/app")),
            ("/processes", Some("/processes")),
            ("/tmp", None),
            ("/sandbox/", None),
            ("/dev/shm", None),
        ] {
            assert_eq!(check(declared).unwrap().as_deref(), path, "{declared}");
        }
    }

    #[test]
    fn other_places_are_refused_by_name() {
        for (declared, path) in [
            ("/", "/"),
            ("", "/"),
            ("/data/..", "/"),
            ("/etc", "/etc"),
            ("/etc/hosts", "/etc/hosts"),
            ("/proc/self", "/proc/self"),
            ("/dev", "/dev"),
            ("/dev/mapper", "/dev/mapper"),
            ("/.isol8/python", "/.isol8/python"),
            ("/.isol8-link", "/.isol8-link"),
            ("/.isol8-session", "/.isol8-session"),
            ("/.isol8-volumes", "/.isol8-volumes"),
        ] {
            let message = check(declared).unwrap_err().to_string();
            let start = format!("The image declares the volume {path}: ");
            assert!(message.starts_with(&start), "{message}");
        }
    }
}

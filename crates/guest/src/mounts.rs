//! Places beside the guest's own that programs may write to: a volume that the image declares. A reset cannot
//! make such a place what it was, because the guest does not know what was in it.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

use isol8_protocol::{SESSION_DIR, WRITABLE_DIRS};

/// The mounts of this process. See `proc_pid_mountinfo(5)`.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Where the kernel and the container runtime have mounts of their own.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The directories that the image has mounted for writing, as the kernel writes them. The root is not one of
/// them: a sandbox with a writable root is never used again.
pub(crate) fn of_image() -> Vec<String> {
    let mounts = fs::read(MOUNTS).unwrap_or_default();
    let places = mounts.split(|byte| *byte == b'\n').filter_map(place_of);
    places
        .filter(|place| Path::new(OsStr::from_bytes(place)).is_dir())
        .map(|place| String::from_utf8_lossy(place).into_owned())
        .collect()
}

/// The mount point in a line, if the image may have put it there and it can be written to.
fn place_of(line: &[u8]) -> Option<&[u8]> {
    const PLACE: usize = 4;
    let mut fields = line.split(|byte| *byte == b' ').skip(PLACE);
    let (place, options) = (fields.next()?, fields.next()?);
    let path = Path::new(OsStr::from_bytes(place));
    let known = [SESSION_DIR, "/"].into_iter().chain(WRITABLE_DIRS);
    let is_known = known.into_iter().any(|known| path == Path::new(known));
    let is_of_system = OF_THE_SYSTEM.iter().any(|top| path.starts_with(top));
    let is_writable = options
        .split(|byte| *byte == b',')
        .any(|option| option == b"rw");
    (is_writable && !is_known && !is_of_system).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_found_and_mounts_of_the_sandbox_are_not() {
        let writable = |place: &str, options: &str| {
            let line = format!("36 35 98:0 /x {place} {options} master:1 - ext4 /dev/vda rw");
            place_of(line.as_bytes()).is_some()
        };
        assert!(writable("/data", "rw,relatime"));
        assert!(writable("/sandbox/cache", "rw"));
        assert!(!writable("/.isol8", "ro,relatime"));
        for known in [
            "/",
            "/sandbox",
            "/tmp",
            "/dev/shm",
            "/proc/keys",
            "/.isol8-session",
        ] {
            assert!(!writable(known, "rw,nosuid"), "{known}");
        }
        assert_eq!(place_of(b""), None);
    }
}

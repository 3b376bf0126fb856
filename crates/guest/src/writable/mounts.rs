//! Places that programs may write to and that the guest does not know. A reset cannot make such a place what it
//! was, because the guest does not know what was in it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use isol8_protocol::{SESSION_DIR, VOLUMES_DIR, WRITABLE_DIRS};

/// The mounts of this process. See `proc_pid_mountinfo(5)`.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Where the kernel and the container runtime have mounts of their own.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// How many fields of a line of [`MOUNTS`] precede the mount point.
const BEFORE_PLACE: usize = 4;

/// The directories that are mounted for writing, but for those in `known` and the guest's own. The root is not
/// one of them: a sandbox with a writable root is never used again.
pub(crate) fn unknown(known: &[&str]) -> Vec<String> {
    let mounts = fs::read(MOUNTS).unwrap_or_default();
    let lines = mounts.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| place_of(line, known))
        .filter(|place| Path::new(OsStr::from_bytes(place)).is_dir())
        .map(|place| String::from_utf8_lossy(&place).into_owned())
        .collect()
}

/// Whether a tmpfs is mounted at exactly this path. A path with a symbolic link in it is not where the mount is.
pub(crate) fn has_tmpfs(path: &str) -> bool {
    // The list takes the kernel longer than all other files that a start reads.
    if !begins_file_system(Path::new(path)) {
        return false;
    }
    let mounts = fs::read(MOUNTS).unwrap_or_default();
    let mut lines = mounts.split(|byte| *byte == b'\n');
    lines.any(|line| is_tmpfs_at(line, path))
}

/// Whether another file system begins at a path.
fn begins_file_system(path: &Path) -> bool {
    let device = |path: &Path| path.symlink_metadata().map(|found| found.dev()).ok();
    let above = path.parent().unwrap_or(path);
    device(path).is_some_and(|own| device(above) != Some(own))
}

fn is_tmpfs_at(line: &[u8], path: &str) -> bool {
    let mut fields = line.split(|byte| *byte == b' ').skip(BEFORE_PLACE);
    let place = fields.next().map(unescape);
    // A dash ends the optional fields. The kind of the file system follows.
    let kind = fields.skip_while(|field| *field != b"-").nth(1);
    place.as_deref() == Some(path.as_bytes()) && kind == Some(b"tmpfs")
}

/// A path as it is, where the kernel writes some bytes as a backslash and three octal digits.
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after
            .get(..3)
            .and_then(|digits| str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match byte {
            Some(byte) if first == b'\\' => {
                path.push(byte);
                rest = &after[3..];
            }
            _ => {
                path.push(first);
                rest = after;
            }
        }
    }
    path
}

/// The mount point in a line, if it is not known and can be written to.
fn place_of(line: &[u8], known: &[&str]) -> Option<Vec<u8>> {
    let mut fields = line.split(|byte| *byte == b' ').skip(BEFORE_PLACE);
    let (place, options) = (unescape(fields.next()?), fields.next()?);
    let path = Path::new(OsStr::from_bytes(&place));
    let own = [SESSION_DIR, VOLUMES_DIR, "/"]
        .into_iter()
        .chain(WRITABLE_DIRS);
    let mut known = own.chain(known.iter().copied());
    let is_known = known.any(|known| path == Path::new(known));
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
            place_of(line.as_bytes(), &["/known one"]).is_some()
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
            "/.isol8-volumes",
            "/known\\040one",
        ] {
            assert!(!writable(known, "rw,nosuid"), "{known}");
        }
        assert_eq!(place_of(b"", &[]), None);
    }

    #[test]
    fn a_file_system_begins_at_a_mount_and_nowhere_else() {
        let begins = |path: &str| begins_file_system(Path::new(path));
        assert!(begins("/proc"));
        assert!(!begins("/proc/self/fd") && !begins("/") && !begins("/proc/none"));
    }

    #[test]
    fn a_tmpfs_is_found_where_it_is() {
        let line = b"96 78 0:49 / /a\\040b rw,nosuid,relatime master:1 - tmpfs tmpfs rw";
        assert!(is_tmpfs_at(line, "/a b"));
        assert!(!is_tmpfs_at(line, "/a"));
        let other = b"96 78 0:49 / /a rw,relatime - ext4 /dev/vda rw";
        assert!(!is_tmpfs_at(other, "/a"));
    }
}

//! Small files at the top of `/sandbox`, as the program of each call in a session is one. The guest writes them itself,
//! with the user's rights in the file system. A helper would cost a fork, which takes longer than a short call.
//!
//! Programs of the user may run meanwhile and plant traps. So the guest opens no name that exists, follows no link,
//! and leaves the directory by no path. No program can hold up what it does: that takes `userfaultfd(2)`, which the
//! profile refuses to programs that are filtered. What is not as simple is a helper's work.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::Write,
    os::fd::OwnedFd,
};

use isol8_protocol::{InlineFile, SANDBOX_DIR};
use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat, renameat},
    libc,
    sys::stat::{Mode, fchmod, fstatat},
    unistd::{UnlinkatFlags, unlinkat},
};

use super::SMALL_BYTES;
use crate::{guest::Guest, user::rights::with_rights_of_user};

/// Most files that the guest writes itself, because it does nothing else meanwhile.
const FEW: usize = 8;

/// The name of a file that is being written. Nothing else writes at the same time.
const TEMPORARY: &CStr = c".isol8-1-0";

/// The permissions of a new file, and the part of an old file's that stays.
const NEW: Mode = Mode::from_bits_truncate(0o644);
const KEPT: u32 = 0o777;

/// Most blocks of 512 bytes that an old file may have. To free many takes long.
const MOST_BLOCKS: i64 = 256;

/// Creates or replaces `files`. Returns whether that is done. Nothing, or a part, is done when a helper has to do it:
/// when there is more than a little to write, when memory is short, or when an error has to be reported.
///
/// A user who may write to `directory` may also enter it.
pub(super) fn write(guest: &Guest, files: &[InlineFile], directory: Option<&str>) -> bool {
    let bytes: usize = files.iter().map(|file| file.data.len()).sum();
    let is_little = (1..=FEW).contains(&files.len()) && bytes <= SMALL_BYTES;
    let names = files.iter().map(|file| name_in_sandbox(&file.path));
    let mut places = guest.places.iter();
    let place = places.find(|place| place.path() == SANDBOX_DIR);
    let (true, Some(names), Some(place)) = (is_little, names.collect::<Option<Vec<_>>>(), place)
    else {
        return false;
    };
    let is_inside = directory.is_none_or(|directory| directory == SANDBOX_DIR);
    if !is_inside || !guest.filters_programs || guest.memory.is_short() {
        return false;
    }
    let replace_all = || {
        let mut files = names.iter().zip(files);
        files.all(|(name, file)| replace(place.directory(), name, &file.data) == Ok(()))
    };
    with_rights_of_user(replace_all)
}

/// The name of a file that is directly in `/sandbox`.
fn name_in_sandbox(path: &str) -> Option<CString> {
    let name = path.strip_prefix(SANDBOX_DIR)?.strip_prefix('/')?;
    let is_plain = !name.contains('/') && !["", ".", ".."].contains(&name);
    is_plain.then(|| CString::new(name).ok()).flatten()
}

/// Creates or replaces a file. A symbolic link is replaced. Leaves everything as it was on failure.
fn replace(directory: &OwnedFd, name: &CString, data: &[u8]) -> Result<(), Errno> {
    let mode = mode_of(directory, name)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let file = openat(directory, TEMPORARY, flags | OFlag::O_NOFOLLOW, NEW)?;
    let write = |mut file: File| {
        file.write_all(data)?;
        fchmod(&file, mode)?;
        renameat(directory, TEMPORARY, directory, name.as_c_str())?;
        Ok::<_, std::io::Error>(())
    };
    write(File::from(file)).map_err(|error| {
        let _ = unlinkat(directory, TEMPORARY, UnlinkatFlags::NoRemoveDir);
        Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
    })
}

/// The permissions that a file will have: those of the one that it replaces.
fn mode_of(directory: &OwnedFd, name: &CString) -> Result<Mode, Errno> {
    let found = match fstatat(directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => return Ok(NEW),
        found => found?,
    };
    match found.st_mode & libc::S_IFMT {
        libc::S_IFREG if found.st_blocks <= MOST_BLOCKS => {
            Ok(Mode::from_bits_truncate(found.st_mode & KEPT))
        }
        libc::S_IFLNK => Ok(NEW),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt as _, symlink},
        path::Path,
    };

    use super::*;

    fn replace_in(place: &Path, name: &str, data: &[u8]) -> Result<(), Errno> {
        let directory = OwnedFd::from(File::open(place).unwrap());
        replace(&directory, &CString::new(name).unwrap(), data)
    }

    #[test]
    fn only_names_directly_in_the_sandbox_are_taken() {
        let name = |path| name_in_sandbox(path).map(|name| name.into_string().unwrap());
        assert_eq!(name("/sandbox/main.py").as_deref(), Some("main.py"));
        assert_eq!(name("/sandbox/..main").as_deref(), Some("..main"));
        for path in [
            "/sandbox",
            "/sandbox/",
            "/sandbox/.",
            "/sandbox/..",
            "/sandbox/a/b",
            "/sandbox//a",
            "/sandboxed/a",
            "/tmp/a",
            "/sandbox/a\0",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_is_made_and_replaced_and_keeps_its_permissions() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a");
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
        replace_in(place.path(), "a", b"one").unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode()), (b"one".to_vec(), 0o644));
        fs::set_permissions(&file, Permissions::from_mode(0o4710)).unwrap();
        replace_in(place.path(), "a", b"").unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode()), (Vec::new(), 0o710));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_replaced_and_traps_are_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("target"), "kept").unwrap();
        for name in ["link", "dangling"] {
            symlink(if name == "link" { "target" } else { "none" }, path(name)).unwrap();
            replace_in(place.path(), name, b"new").unwrap();
            assert!(
                fs::symlink_metadata(path(name)).unwrap().is_file(),
                "{name}"
            );
        }
        assert_eq!(fs::read(path("target")).unwrap(), b"kept");

        fs::create_dir(path("directory")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        for name in ["directory", "pipe"] {
            assert!(replace_in(place.path(), name, b"new").is_err(), "{name}");
        }
        fs::write(path("large"), vec![1; 4 * SMALL_BYTES]).unwrap();
        assert!(replace_in(place.path(), "large", b"new").is_err());
        symlink("target", path(TEMPORARY.to_str().unwrap())).unwrap();
        assert!(replace_in(place.path(), "new", b"new").is_err());
        assert_eq!(fs::read(path("target")).unwrap(), b"kept");
        assert!(!path("new").exists());
    }
}

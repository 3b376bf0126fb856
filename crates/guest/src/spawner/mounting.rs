//! Calls of mount(2) and its relatives, with what they were for.

use std::{
    ffi::CString,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::Path,
};

use nix::{
    errno::Errno,
    libc,
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::pivot_root,
};

use super::failure::{Failure, Trying};

/// Flags of a file system from which programs cannot get rights.
pub(crate) const PLAIN: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// The same, without programs.
pub(crate) const NO_PROGRAMS: MsFlags = PLAIN.union(MsFlags::MS_NOEXEC);

/// Mounts a file system of the kernel's.
pub(crate) fn file_system(
    kind: &str,
    target: &str,
    flags: MsFlags,
    options: &str,
) -> Result<(), Failure> {
    mount(Some(kind), target, Some(kind), flags, Some(options))
        .trying(format_args!("mount {kind} at {target}"))
}

/// Shows a directory or file at another path, with everything that is mounted below.
pub(crate) fn bind(source: &str, target: &str) -> Result<(), Failure> {
    show(source, target).trying(format_args!("show {source} at {target}"))
}

/// Does the same where there is a target. Returns whether there is.
pub(crate) fn bind_if_there(source: &str, target: &str) -> Result<bool, Failure> {
    match show(source, target) {
        Err(Errno::ENOENT) if !Path::new(target).exists() => Ok(false),
        done => {
            done.trying(format_args!("show {source} at {target}"))?;
            Ok(true)
        }
    }
}

fn show(source: &str, target: &str) -> Result<(), Errno> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(source), target, None::<&str>, flags, None::<&str>)
}

/// Makes a mount and everything below it read-only, with these attributes of `mount_setattr(2)`.
pub(crate) fn restrict(target: &str, attributes: u64) -> Result<(), Failure> {
    /// `struct mount_attr`, see linux/mount.h.
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let wanted = Attributes {
        set: libc::MOUNT_ATTR_RDONLY | attributes,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    let path = CString::new(target).map_err(|_| Failure::new("a path with a NUL byte"))?;
    // SAFETY: both pointers are valid for the call, and the size is that of the structure.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const wanted,
            size_of::<Attributes>(),
        )
    };
    match Errno::result(done) {
        Err(Errno::ENOSYS) => Err(Failure::new(
            "sandboxes without Docker need Linux 5.12 or newer",
        )),
        done => done
            .map(drop)
            .trying(format_args!("make {target} read-only")),
    }
}

/// Keeps the mounts of this namespace from those of others, in both directions.
pub(crate) fn make_private() -> Result<(), Failure> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).trying("make mounts private")
}

/// Makes `root` the root of this process. What was the root is gone, as far as it has no other user.
pub(crate) fn enter_root(root: &str) -> Result<(), Failure> {
    nix::unistd::chdir(root).trying(format_args!("enter {root}"))?;
    // With both the same, the old root lies on top of the new one.
    pivot_root(".", ".").trying(format_args!("make {root} the root"))?;
    umount2(".", MntFlags::MNT_DETACH).trying("leave the old root")?;
    nix::unistd::chdir("/").trying("enter the root")
}

/// A directory with those above it.
pub(crate) fn directory(path: &Path) -> Result<(), Failure> {
    directories(path).trying(format_args!("make {}", path.display()))
}

fn directories(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o755).create(path)
}

/// A file with the directories above it, unless it is there.
pub(crate) fn file(path: &Path) -> Result<fs::File, Failure> {
    let open = || {
        let mut options = fs::OpenOptions::new();
        options.append(true).create(true).mode(0o755).open(path)
    };
    in_directory(path, open).trying(format_args!("make {}", path.display()))
}

/// A symbolic link with the directories above it.
pub(crate) fn link(target: &str, path: &Path) -> Result<(), Failure> {
    in_directory(path, || symlink(target, path)).trying(format_args!("link {}", path.display()))
}

/// Makes something, and the directories above it when they are missing.
fn in_directory<T>(path: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match (make(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            directories(parent)?;
            make()
        }
        (outcome, _) => outcome,
    }
}

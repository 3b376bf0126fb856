//! The devices that every program may use.
//!
//! As root the spawner makes them. So programs of the host have other inodes: a program of a sandbox does not see when they
//! use a device, and its locks do not meet theirs. Another user may not make any, and shows those of the host.

use std::{
    fs::{Permissions, set_permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use nix::{
    errno::Errno,
    mount::MsFlags,
    sys::stat::{Mode, SFlag, makedev, mknod},
};

use super::{
    failure::{Failure, Trying},
    mounting,
    paths::in_root,
};

/// How the directory is mounted: there are devices.
pub(crate) const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

/// Names and numbers, see the kernel's list of devices.
const DEVICES: [(&str, (u64, u64)); 6] = [
    ("null", (1, 3)),
    ("zero", (1, 5)),
    ("full", FULL),
    ("random", (1, 8)),
    ("urandom", (1, 9)),
    ("tty", (5, 0)),
];
const FULL: (u64, u64) = (1, 7);

/// Symbolic links in `/dev`, as Docker has them.
const LINKS: [(&str, &str); 5] = [
    ("ptmx", "pts/ptmx"),
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Makes `/dev` of the sandboxes' root. The host's files are below `old`. `counted` says whether control groups count
/// memory.
pub(crate) fn make(old: &str, counted: bool) -> Result<(), Failure> {
    let directory = in_root("/dev");
    mounting::directory(Path::new(&directory))?;
    mounting::file_system("tmpfs", &directory, FLAGS, "mode=0755")?;
    for (name, number) in DEVICES {
        let target = format!("{directory}/{name}");
        // A shared map of zeros is memory that the guest cannot count. The full device gives zeros, too.
        let (name, number) = match name {
            "zero" if !counted => ("full", FULL),
            name => (name, number),
        };
        if !make_one(&target, number).trying(format_args!("make {target}"))? {
            mounting::file(Path::new(&target))?;
            mounting::bind(&format!("{old}/dev/{name}"), &target)?;
        }
    }
    for (name, target) in LINKS {
        mounting::link(target, Path::new(&format!("{directory}/{name}")))?;
    }
    Ok(())
}

/// Makes a device that everybody may use. False: this process may make none.
fn make_one(target: &str, (major, minor): (u64, u64)) -> Result<bool, Errno> {
    let made = mknod(
        target,
        SFlag::S_IFCHR,
        Mode::from_bits_truncate(0o666),
        makedev(major, minor),
    );
    match made {
        Err(Errno::EPERM) => return Ok(false),
        made => made?,
    }
    // The mask of this process takes rights away.
    let open = set_permissions(target, Permissions::from_mode(0o666));
    open.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
    Ok(true)
}

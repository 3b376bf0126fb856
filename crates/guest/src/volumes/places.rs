//! The volumes of a sandbox, as they were at its start.

use std::{ffi::CString, fs::File, io, os::fd::OwnedFd};

use isol8_protocol::{ErrorKind, VOLUME_ARGUMENT, VOLUMES_ARGUMENT, VOLUMES_FILE, WRITABLE_DIRS};
use nix::{
    fcntl::{OFlag, open},
    libc,
    sys::{
        stat::{FileStat, Mode, fchmod, fstat, futimens},
        time::TimeSpec,
    },
};

use super::{
    empty::empty,
    fill::fill,
    owner::{OPEN, as_owner},
};
use crate::{
    failure::Failure,
    writable::{attributes, inside, mounts},
};

/// The part of `st_mode` that can be changed.
const MODE_BITS: u32 = 0o7777;

/// The volumes of a sandbox.
pub(crate) struct Volumes {
    places: Vec<Volume>,
    /// Whether the image has any content in them.
    has_content: bool,
}

/// One volume. User code can neither mount over it nor rename it, because it is a mount.
struct Volume {
    path: String,
    root: OwnedFd,
    before: FileStat,
    flags: Option<libc::c_int>,
    /// Names of the volumes in it, which are restored by themselves.
    kept: Vec<CString>,
}

impl Volumes {
    /// The volumes that the arguments of the guest name, with the content of the image.
    pub(crate) fn open(arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut volumes = Self {
            places: Vec::new(),
            has_content: false,
        };
        for argument in arguments {
            if let Some(path) = argument.strip_prefix(VOLUME_ARGUMENT) {
                let place = Volume::open(path).map_err(|error| at(path, &error))?;
                volumes.places.push(place);
            } else if argument == VOLUMES_ARGUMENT {
                volumes.has_content = true;
            }
        }
        let paths: Vec<_> = volumes.paths().map(str::to_owned).collect();
        for place in &mut volumes.places {
            place.kept = inside::names(&place.path, paths.iter().map(String::as_str));
        }
        volumes.fill()?;
        Ok(volumes)
    }

    /// The paths of the volumes that a reset makes what they were. One that a program can move is not one of them.
    pub(crate) fn restorable(&self) -> Vec<&str> {
        let places: Vec<_> = self.paths().chain(WRITABLE_DIRS).collect();
        self.paths()
            .filter(|path| inside::is_fixed(path, &places))
            .collect()
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.path.as_str())
    }

    /// Makes every volume what it was at the start. Returns how many entries were removed. No process may run
    /// but the guest.
    pub(crate) fn restore(&self) -> Result<u64, Failure> {
        let mut entries = 0;
        for place in &self.places {
            entries += empty(&place.root, &place.kept)
                .and_then(|entries| place.restore_root().map(|()| entries))
                .map_err(|error| {
                    let message = format!("the volume cannot be emptied: {error}");
                    Failure::new(ErrorKind::NotClean, &place.path, message)
                })?;
        }
        self.fill().map_err(|error| {
            let message = format!("a volume cannot be filled again: {error}");
            Failure::new(ErrorKind::NotClean, "", message)
        })?;
        Ok(entries)
    }

    fn fill(&self) -> io::Result<()> {
        if !self.has_content {
            return Ok(());
        }
        for place in &self.places {
            place.open_root().map_err(|error| at(&place.path, &error))?;
        }
        let content = File::open(VOLUMES_FILE).map_err(|error| at(VOLUMES_FILE, &error))?;
        let roots: Vec<_> = self.places.iter().map(|place| &place.root).collect();
        fill(&roots, content)?;
        for place in &self.places {
            place
                .restore_root()
                .map_err(|error| at(&place.path, &error))?;
        }
        Ok(())
    }
}

impl Volume {
    fn open(path: &str) -> io::Result<Self> {
        if !mounts::has_tmpfs(path) {
            return Err(io::Error::other("no tmpfs is mounted there"));
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = fstat(&open(path, flags, Mode::empty())?)?;
        let root = as_owner(found.st_uid, found.st_gid, || {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            Ok(open(path, flags, Mode::empty())?)
        })?;
        Ok(Self {
            path: path.to_owned(),
            before: fstat(&root)?,
            flags: attributes::flags(&root),
            kept: Vec::new(),
            root,
        })
    }

    /// Lets every owner work in the volume.
    fn open_root(&self) -> io::Result<()> {
        self.as_its_owner(|| Ok(fchmod(&self.root, OPEN)?))
    }

    /// Gives the directory itself what it had at the start.
    fn restore_root(&self) -> io::Result<()> {
        let FileStat {
            st_mode,
            st_atime,
            st_atime_nsec,
            st_mtime,
            st_mtime_nsec,
            ..
        } = self.before;
        let now = fstat(&self.root)?;
        if (now.st_uid, now.st_gid) != (self.before.st_uid, self.before.st_gid) {
            return Err(io::Error::other("its owner or group was changed"));
        }
        self.as_its_owner(|| {
            attributes::remove_extended(&self.root)?;
            attributes::restore_flags(&self.root, self.flags)?;
            fchmod(&self.root, Mode::from_bits_truncate(st_mode & MODE_BITS))?;
            let accessed = TimeSpec::new(st_atime, st_atime_nsec);
            let modified = TimeSpec::new(st_mtime, st_mtime_nsec);
            Ok(futimens(&self.root, &accessed, &modified)?)
        })
    }

    fn as_its_owner<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        as_owner(self.before.st_uid, self.before.st_gid, work)
    }
}

fn at(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the volume {path}: {error}"))
}

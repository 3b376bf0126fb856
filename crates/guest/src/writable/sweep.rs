//! Empties the writable places, after every process of the user has been killed. So nothing changes meanwhile.
//! The guest removes a few entries itself, with the user's rights in the file system. A forked child that has
//! become the user removes everything else.
//!
//! A tree may be deeper than the longest path and the number of descriptors allow. So the walk holds one
//! directory at a time and goes up through `..`.

use std::{
    cell::RefCell,
    ffi::{CStr, CString},
    io,
    os::fd::OwnedFd,
};

use isol8_protocol::{ErrorKind, Reply, ResetReport, WRITABLE_DIRS};
use nix::{
    dir::{Dir, Type},
    errno::Errno,
    fcntl::{OFlag, open, openat},
    libc,
    sys::{
        stat::{FchmodatFlags, FileStat, Mode, fchmod, fchmodat, fstat, futimens, lstat},
        time::TimeSpec,
    },
    unistd::{UnlinkatFlags, unlinkat},
};

use super::{attributes, inside};
use crate::{failure::Failure, ipc, user};

/// The permissions that an owner needs to list and empty a directory.
const OWNER_ALL: u32 = 0o700;

/// Most entries that the guest removes itself, because it does nothing else meanwhile.
const FEW: u64 = 64;

/// The part of `st_mode` that can be changed.
const MODE_BITS: u32 = 0o7777;

/// A writable place, with its state at the start of the sandbox. User code can neither mount over it nor
/// rename it, because it is a mount.
pub(crate) struct WritablePlace {
    path: &'static str,
    directory: OwnedFd,
    /// A second descriptor, for listing.
    listing: RefCell<Dir>,
    before: FileStat,
    flags: Option<libc::c_int>,
    /// Names of the volumes in it, which stay.
    kept: Vec<CString>,
}

/// The writable places that exist, and in which `volumes` may be.
pub(crate) fn places(volumes: &[&str]) -> Vec<WritablePlace> {
    let places = WRITABLE_DIRS.into_iter().filter_map(|path| {
        let before = lstat(path).ok().filter(is_directory)?;
        let directory = open(path, DIRECTORY, Mode::empty()).ok()?;
        let listing = Dir::open(path, DIRECTORY, Mode::empty()).ok()?;
        Some(WritablePlace {
            path,
            flags: attributes::flags(&directory),
            directory,
            listing: RefCell::new(listing),
            before,
            kept: inside::names(path, volumes.iter().copied()),
        })
    });
    places.collect()
}

impl WritablePlace {
    pub(crate) fn path(&self) -> &'static str {
        self.path
    }

    /// The place, open for names in it.
    pub(crate) fn directory(&self) -> &OwnedFd {
        &self.directory
    }
}

/// Does the work of [`sweep`] when programs have left little, as most do: at most [`FEW`] entries. Counts them in
/// `removed`. Returns false when there is more, or an entry that cannot be removed. Then [`sweep`] removes or
/// reports it.
pub(crate) fn sweep_few(places: &[WritablePlace], removed: &mut u64) -> bool {
    places.iter().all(|place| {
        empty_few(place, removed) == Ok(true) && restore(place, &place.directory).is_ok()
    })
}

/// Removes entries of a place. Returns whether the place is empty. Stops at an entry that it may not remove.
fn empty_few(place: &WritablePlace, removed: &mut u64) -> Result<bool, Errno> {
    let mut listing = place.listing.borrow_mut();
    loop {
        let mut seen = false;
        // The next listing starts from the beginning, because the end of a listing rewinds the directory.
        for entry in listing.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if is_dot(name) || is_kept(name, &place.kept) {
                continue;
            }
            seen = true;
            if *removed == FEW {
                return Ok(false);
            }
            if remove(&place.directory, name, entry.file_type())? {
                *removed += 1;
            } else {
                remove_few(&place.directory, name, removed)?;
            }
        }
        if !seen {
            return Ok(true);
        }
    }
}

/// Removes a directory with everything inside.
fn remove_few(parent: &OwnedFd, name: &CStr, removed: &mut u64) -> Result<(), Errno> {
    empty(enter(parent, name)?, &[], removed, FEW).map_err(|(_, errno)| errno)?;
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)?;
    *removed += 1;
    Ok(())
}

/// Empties every place, and removes everything else that outlives a process.
pub(crate) fn sweep(places: &[WritablePlace]) -> Result<Reply, Failure> {
    let mut entries = ipc::remove_all().map_err(|error| {
        Failure::new(
            ErrorKind::NotClean,
            "",
            format!("System V objects are left: {error}"),
        )
    })?;
    for place in places {
        let stuck = |(name, errno): Stuck| {
            let path = format!("{}/{}", place.path, name.to_string_lossy());
            Failure::new(
                ErrorKind::NotClean,
                &path,
                format!("cannot be removed: {}", errno.desc()),
            )
        };
        // The child has no descriptor of the guest.
        let directory = open_place(place).map_err(|errno| stuck((CString::default(), errno)))?;
        let directory = empty(directory, &place.kept, &mut entries, u64::MAX).map_err(stuck)?;
        restore(place, &directory).map_err(|error| {
            let message = format!("the directory itself cannot be restored: {error}");
            Failure::new(ErrorKind::NotClean, place.path, message)
        })?;
    }
    Ok(Reply::Reset(ResetReport {
        processes: 0,
        entries,
    }))
}

/// An entry that could not be removed, or the empty name for the directory itself, and why.
pub(crate) type Stuck = (CString, Errno);

/// Opens a place, with the permissions that its owner needs.
fn open_place(place: &WritablePlace) -> Result<OwnedFd, Errno> {
    if is_own(&place.before) {
        // User code may have removed its own permissions.
        let mode = Mode::from_bits_truncate(place.before.st_mode | OWNER_ALL);
        fchmodat(
            nix::fcntl::AT_FDCWD,
            place.path,
            mode,
            FchmodatFlags::FollowSymlink,
        )?;
    }
    open(place.path, DIRECTORY, Mode::empty())
}

/// Removes everything inside the directory `current` but the entries `kept`. Returns the directory. Counts in
/// `removed`. Fails when that is to be more than `most`, or the tree is deeper.
fn empty(
    mut current: OwnedFd,
    kept: &[CString],
    removed: &mut u64,
    most: u64,
) -> Result<OwnedFd, Stuck> {
    let mut above: Vec<CString> = Vec::new();
    loop {
        let kept = if above.is_empty() { kept } else { &[] };
        match next_directory(&current, kept, removed, most)? {
            Some(name) if above.len() as u64 == most => return Err((name, Errno::EBUSY)),
            Some(name) => {
                current = enter(&current, &name).map_err(|errno| (name.clone(), errno))?;
                above.push(name);
            }
            None => match above.pop() {
                Some(name) => {
                    let stuck = |errno| (name.clone(), errno);
                    current = openat(&current, "..", DIRECTORY, Mode::empty()).map_err(stuck)?;
                    unlinkat(&current, name.as_c_str(), UnlinkatFlags::RemoveDir).map_err(stuck)?;
                    *removed += 1;
                }
                // The last listing of the place found nothing. That is the proof.
                None => return Ok(current),
            },
        }
    }
}

/// How directories are opened that are to be listed.
pub(crate) const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Removes what can be removed at once, but the entries `kept`. Returns the first directory that is not empty, or
/// `None` when a whole listing found nothing else. Counts in `removed`, and fails when that is to be more than `most`.
pub(crate) fn next_directory(
    directory: &OwnedFd,
    kept: &[CString],
    removed: &mut u64,
    most: u64,
) -> Result<Option<CString>, Stuck> {
    let itself = |errno| (CString::default(), errno);
    loop {
        // Removing entries during a listing may make it skip others. So it is repeated until it is empty.
        // The directory is opened again, because a listing starts where the last one of a descriptor
        // ended.
        let fd = openat(directory, ".", DIRECTORY, Mode::empty()).map_err(itself)?;
        let mut listing = Dir::from_fd(fd).map_err(itself)?;
        let mut seen = false;
        for entry in listing.iter() {
            let entry = entry.map_err(itself)?;
            let name = entry.file_name();
            if is_dot(name) || is_kept(name, kept) {
                continue;
            }
            seen = true;
            if *removed >= most {
                return Err((name.into(), Errno::EBUSY));
            }
            if !remove(directory, name, entry.file_type()).map_err(|errno| (name.into(), errno))? {
                return Ok(Some(name.into()));
            }
            *removed += 1;
        }
        if !seen {
            return Ok(None);
        }
    }
}

/// Removes an entry. Returns false when it is a directory that is not empty.
fn remove(directory: &OwnedFd, name: &CStr, kind: Option<Type>) -> Result<bool, Errno> {
    if kind != Some(Type::Directory) {
        match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR) => {} // This file system does not report the kinds of entries.
            done => return done.map(|()| true),
        }
    }
    match unlinkat(directory, name, UnlinkatFlags::RemoveDir) {
        // EACCES: the directory cannot be listed, so it may not be empty.
        Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::EACCES) => Ok(false),
        done => done.map(|()| true),
    }
}

fn enter(directory: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_bits_truncate(OWNER_ALL);
    let child = match openat(directory, name, DIRECTORY, Mode::empty()) {
        Err(Errno::EACCES) => {
            fchmodat(directory, name, mode, FchmodatFlags::FollowSymlink)?;
            openat(directory, name, DIRECTORY, Mode::empty())
        }
        opened => opened,
    }?;
    if fstat(&child)?.st_mode & OWNER_ALL != OWNER_ALL {
        fchmod(&child, mode)?;
    }
    Ok(child)
}

/// Restores the mode, times and attributes of an emptied place.
fn restore(place: &WritablePlace, directory: &OwnedFd) -> io::Result<()> {
    let now = fstat(directory)?;
    if (now.st_uid, now.st_gid) != (place.before.st_uid, place.before.st_gid) {
        return Err(io::Error::other("its owner or group was changed"));
    }
    if !is_own(&place.before) {
        return Ok(()); // Only its owner can change the rest.
    }
    attributes::remove_extended(directory)?;
    attributes::restore_flags(directory, place.flags)?;
    let mode = place.before.st_mode & MODE_BITS;
    if now.st_mode & MODE_BITS != mode {
        fchmod(directory, Mode::from_bits_truncate(mode))?;
    }
    let accessed = TimeSpec::new(place.before.st_atime, place.before.st_atime_nsec);
    let modified = TimeSpec::new(place.before.st_mtime, place.before.st_mtime_nsec);
    Ok(futimens(directory, &accessed, &modified)?)
}

/// Whether the name is `.` or `..`.
fn is_dot(name: &CStr) -> bool {
    name == c"." || name == c".."
}

fn is_kept(name: &CStr, kept: &[CString]) -> bool {
    kept.iter().any(|kept| kept.as_c_str() == name)
}

fn is_own(stat: &FileStat) -> bool {
    stat.st_uid == user::id()
}

pub(crate) fn is_directory(stat: &FileStat) -> bool {
    stat.st_mode & libc::S_IFMT == libc::S_IFDIR
}

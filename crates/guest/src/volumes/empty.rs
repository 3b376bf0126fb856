//! Empties a volume, whoever owns what is in it.
//!
//! A tree may be deeper than the longest path and the number of descriptors allow. So the walk holds one
//! directory at a time and goes up through `..`.

use std::{ffi::CString, io, os::fd::OwnedFd};

use nix::{
    fcntl::{AtFlags, openat},
    sys::stat::{FchmodatFlags, FileStat, Mode, fchmod, fchmodat, fstat, fstatat},
    unistd::{UnlinkatFlags, unlinkat},
};

use super::owner::{OPEN, as_owner};
use crate::writable::sweep::{DIRECTORY, next_directory};

/// Removes everything inside the directory `root` but the entries `kept`. Returns the number of entries that were
/// removed.
pub(super) fn empty(root: &OwnedFd, kept: &[CString]) -> io::Result<u64> {
    let owner = fstat(root)?;
    let mut current = as_owner(owner.st_uid, owner.st_gid, || {
        fchmod(root, OPEN)?;
        Ok(openat(root, c".", DIRECTORY, Mode::empty())?)
    })?;
    let mut above: Vec<CString> = Vec::new();
    let mut removed = 0;
    loop {
        let FileStat { st_uid, st_gid, .. } = fstat(&current)?;
        let kept = if above.is_empty() { kept } else { &[] };
        let next = as_owner(st_uid, st_gid, || {
            next_directory(&current, kept, &mut removed, u64::MAX).map_err(|(name, errno)| {
                let name = name.to_string_lossy();
                io::Error::other(format!("{name} cannot be removed: {}", errno.desc()))
            })
        })?;
        match next {
            Some(name) => {
                current = enter(&current, &name)?;
                above.push(name);
            }
            None => match above.pop() {
                Some(name) => {
                    current = openat(&current, c"..", DIRECTORY, Mode::empty())?;
                    let owner = fstat(&current)?;
                    as_owner(owner.st_uid, owner.st_gid, || {
                        let name = name.as_c_str();
                        Ok(unlinkat(&current, name, UnlinkatFlags::RemoveDir)?)
                    })?;
                    removed += 1;
                }
                // The last listing of the volume found nothing. That is the proof.
                None => return Ok(removed),
            },
        }
    }
}

/// Opens a directory, to everybody as well: its entries may have other owners.
fn enter(parent: &OwnedFd, name: &CString) -> io::Result<OwnedFd> {
    let name = name.as_c_str();
    let owner = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    as_owner(owner.st_uid, owner.st_gid, || {
        // It is a directory. No process of a user runs any more that could put a link in its place.
        fchmodat(parent, name, OPEN, FchmodatFlags::FollowSymlink)?;
        Ok(openat(parent, name, DIRECTORY, Mode::empty())?)
    })
}

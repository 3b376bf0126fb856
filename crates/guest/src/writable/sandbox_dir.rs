//! The directory of programs belongs to their user. Podman can give a tmpfs no owner, so there it is root's. The guest
//! is root and opens it to everybody: only the user of programs and the guest's helpers are in a sandbox.

use std::io;

use isol8_protocol::SANDBOX_DIR;
use nix::{
    fcntl::AT_FDCWD,
    sys::stat::{FchmodatFlags, Mode, fchmodat, lstat},
};

use super::{mounts, sweep::is_directory};

/// The owner of a tmpfs that was given none.
const ROOT: u32 = 0;

/// Read, write and enter, for everybody.
const OPEN: Mode = Mode::S_IRWXU.union(Mode::S_IRWXG).union(Mode::S_IRWXO);

/// Opens the directory of programs where it is root's. Nothing of the image is changed: what is no tmpfs stays.
pub(crate) fn open_to_user() -> io::Result<()> {
    let Ok(found) = lstat(SANDBOX_DIR) else {
        return Ok(()); // Programs get an error that names it.
    };
    if found.st_uid != ROOT || !is_directory(&found) || !mounts::has_tmpfs(SANDBOX_DIR) {
        return Ok(());
    }
    fchmodat(AT_FDCWD, SANDBOX_DIR, OPEN, FchmodatFlags::FollowSymlink)?;
    Ok(())
}

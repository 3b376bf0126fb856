//! Properties of a directory that its owner can set, beside mode and times: extended attributes, access
//! lists, and inode flags (see `ioctl_iflags(2)`).

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, AsRawFd},
    ptr::null_mut,
};

use nix::libc;

/// Room for the names of the extended attributes of one directory, in bytes: the kernel's limit.
const MAX_ATTRIBUTE_NAMES: usize = 64 * 1024;

/// Returns the inode flags of an open file, or `None` on a file system without them.
pub(crate) fn flags(file: &impl AsFd) -> Option<libc::c_int> {
    // The name of the request suggests a long. It is an int.
    let mut flags: libc::c_int = 0;
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the kernel writes one int.
    let got = unsafe { libc::ioctl(fd, libc::FS_IOC_GETFLAGS, &raw mut flags) };
    (got == 0).then_some(flags)
}

/// Gives an open file the inode flags that it had, and checks that it has them.
pub(crate) fn restore_flags(file: &impl AsFd, before: Option<libc::c_int>) -> io::Result<()> {
    let (Some(now), Some(before)) = (flags(file), before) else {
        return Ok(()); // Nothing can be set.
    };
    if now == before {
        return Ok(());
    }
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the kernel reads one int.
    if unsafe { libc::ioctl(fd, libc::FS_IOC_SETFLAGS, &raw const before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if flags(file) == Some(before) {
        return Ok(());
    }
    Err(io::Error::other("its inode flags stay"))
}

/// Removes the attributes and access lists that user code can set on its own directories.
pub(crate) fn remove_extended(directory: &impl AsFd) -> io::Result<()> {
    let fd = directory.as_fd().as_raw_fd();
    // SAFETY: the call only asks for the size.
    if unsafe { libc::flistxattr(fd, null_mut(), 0) } == 0 {
        return Ok(());
    }
    let mut names = vec![0_u8; MAX_ATTRIBUTE_NAMES];
    // SAFETY: the buffer is valid for its length during the call.
    let length = unsafe { libc::flistxattr(fd, names.as_mut_ptr().cast(), names.len()) };
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        // A file system without attributes holds none.
        return if error.raw_os_error() == Some(libc::ENOTSUP) {
            Ok(())
        } else {
            Err(error)
        };
    };
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if !name.to_bytes().starts_with(b"user.") && !name.to_bytes().starts_with(b"system.") {
            continue; // Only the system can set the others.
        }
        // SAFETY: `name` ends with its only NUL.
        if unsafe { libc::fremovexattr(fd, name.as_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

//! Room that is in use and holds nothing, until it is given up for something that has to succeed.

use std::{cell::Cell, os::fd::OwnedFd, path::Path};

use nix::{
    fcntl::{FallocateFlags, OFlag, fallocate, open},
    libc,
    sys::{
        memfd::{MFdFlags, memfd_create},
        stat::Mode,
        statvfs::fstatvfs,
    },
    unistd::ftruncate,
};

use crate::user::rights::with_rights_of_user;

/// A reserve in a file system is at most this part of it.
const PART: u64 = 16;

/// A file without a name, which no program can reach. Unlike memory of the process it is not copied by a
/// fork, and the system can refuse it without holding the guest up.
pub(crate) struct Reserve {
    file: Option<OwnedFd>,
    most_bytes: u64,
    held: Cell<u64>,
}

impl Reserve {
    /// One of memory. It is empty at first.
    pub(crate) fn of_memory(most_bytes: u64) -> Self {
        let file = (most_bytes > 0).then(|| memfd_create(c"reserve", MFdFlags::MFD_CLOEXEC));
        Self::new(file.and_then(Result::ok), most_bytes)
    }

    /// One in the file system of `directory`, where the user may write. It is empty at first.
    pub(crate) fn in_directory(directory: &Path, most_bytes: u64) -> Self {
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let file = with_rights_of_user(|| open(directory, flags, Mode::empty())).ok();
        let size = file.as_ref().and_then(|file| fstatvfs(file).ok());
        let size = size.map_or(0, |found| found.blocks() * found.fragment_size());
        Self::new(file, most_bytes.min(size / PART))
    }

    fn new(file: Option<OwnedFd>, most_bytes: u64) -> Self {
        Self {
            file,
            most_bytes,
            held: Cell::default(),
        }
    }

    /// How many bytes it holds now.
    pub(crate) fn held(&self) -> u64 {
        self.held.get()
    }

    /// Takes what is free of the file system that it is in, if it does not hold enough.
    pub(crate) fn take_available(&self) {
        let found = self.file.as_ref().and_then(|file| fstatvfs(file).ok());
        if let Some(found) = found {
            self.take(found.blocks_available() * found.fragment_size());
        }
    }

    /// Takes more of what is `free`, if it does not hold enough.
    pub(crate) fn take(&self, free: u64) {
        let wanted = self.most_bytes.min(self.held.get().saturating_add(free));
        let (Some(file), Ok(length)) = (&self.file, libc::off_t::try_from(wanted)) else {
            return;
        };
        if wanted <= self.held.get() {
            return;
        }
        self.held.set(wanted);
        if fallocate(file, FallocateFlags::empty(), 0, length).is_err() {
            self.give_up();
        }
    }

    /// Gives all of it up. Returns whether there was any.
    pub(crate) fn give_up(&self) -> bool {
        let (Some(file), 1..) = (&self.file, self.held.replace(0)) else {
            return false;
        };
        // The system cannot refuse to make a file shorter.
        ftruncate(file, 0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_in_a_file_system_is_taken_and_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::in_directory(directory.path(), 8192);
        assert!(!reserve.give_up());
        reserve.take_available();
        // Not every file system of a machine that builds has files without a name.
        if reserve.file.is_some() {
            assert_eq!(reserve.held(), 8192);
            assert!(reserve.give_up());
        }
        assert_eq!(reserve.held(), 0);
    }
}

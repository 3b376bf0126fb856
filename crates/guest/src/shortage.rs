//! Errors of the system for lack of memory. The same call may succeed later.

use std::{io, time::Duration};

use nix::libc;

/// Time until the guest tries again.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// Whether a call failed because the system had no memory for it, the pages of its buffer included.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    errno.is_some_and(|errno| [libc::ENOBUFS, libc::ENOMEM, libc::EFAULT].contains(&errno))
}

/// Memory that the system takes for no buffer until it is opened, for tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::ptr::NonNull;

    use nix::libc;

    pub(crate) const BYTES: usize = 64 * 1024;

    pub(crate) struct Closed(NonNull<u8>);

    impl Closed {
        pub(crate) fn new() -> Self {
            // SAFETY: new memory, which nothing else uses.
            let memory = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    BYTES,
                    libc::PROT_NONE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                )
            };
            assert_ne!(memory, libc::MAP_FAILED);
            Self(NonNull::new(memory.cast()).unwrap())
        }

        pub(crate) fn open(&self) {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: memory of this value.
            let done = unsafe { libc::mprotect(self.0.as_ptr().cast(), BYTES, access) };
            assert_eq!(done, 0);
        }

        /// The memory, for a call of the system.
        #[expect(clippy::mut_from_ref, reason = "each test uses one slice at a time")]
        pub(crate) fn bytes(&self) -> &mut [u8] {
            // SAFETY: it is there as long as this value. Only the system touches it before it is open.
            unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr(), BYTES) }
        }
    }

    impl Drop for Closed {
        fn drop(&mut self) {
            // SAFETY: the slices are gone.
            unsafe { libc::munmap(self.0.as_ptr().cast(), BYTES) };
        }
    }
}

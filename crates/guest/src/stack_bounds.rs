//! The bounds of a thread's stack are not known.
//!
//! Rust's runtime asks the C library for them at the start, so that it can print a message when a stack overflows. glibc
//! reads `/proc/self/maps` for that, with 110 KiB of code that nothing else in the guest needs (`sscanf` and the numbers
//! that it reads). This function takes the place of glibc's, which is then not linked. A stack that overflows still ends
//! the guest with `SIGSEGV`, but without the message.

use nix::libc;

/// Fails, see `pthread_getattr_np(3)`. The runtime then does without the bounds.
#[unsafe(no_mangle)]
extern "C" fn pthread_getattr_np(
    _thread: libc::pthread_t,
    _attributes: *mut libc::pthread_attr_t,
) -> libc::c_int {
    libc::ENOSYS
}

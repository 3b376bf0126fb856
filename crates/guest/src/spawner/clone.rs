//! Children of the spawner: copies of it in new namespaces.

use std::os::fd::RawFd;

use nix::{
    errno::Errno,
    libc::{self, c_int},
    unistd::Pid,
};

use super::failure::Failure;

/// Clones this process into new namespaces. `None` in the child. It has one thread, so that the child may do
/// whatever this process may.
pub(crate) fn clone(namespaces: c_int) -> Result<Option<Pid>, Errno> {
    let flags = libc::c_ulong::from_ne_bytes(i64::from(namespaces | libc::SIGCHLD).to_ne_bytes());
    // SAFETY: without a new stack or shared memory, this is a fork.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    let pid = i32::try_from(Errno::result(pid)?).map_err(|_| Errno::EOVERFLOW)?;
    Ok((pid != 0).then(|| Pid::from_raw(pid)))
}

/// Ends a child that could not do what it was made for. `report` is where the spawner reads why.
pub(crate) fn give_up(report: RawFd, failure: &Failure) -> ! {
    let text = failure.to_string();
    // SAFETY: the text is valid for the call.
    unsafe { libc::write(report, text.as_ptr().cast(), text.len()) };
    // SAFETY: nothing of this copy of the spawner may run.
    unsafe { libc::_exit(1) }
}

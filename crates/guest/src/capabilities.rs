//! The one right of a nursery beyond those of the sandbox user: to become another user.

use std::io;

use nix::libc;

/// Layout of the arguments of capset(2).
const VERSION_3: u32 = 0x2008_0522;

/// The capability to change user ids.
const SETUID: u32 = 7;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Lets this process keep its capabilities when it stops being root. Call it in a forked child.
pub(crate) fn keep() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }.into())
}

/// Gives up every capability but the one to change user ids. The program that this child becomes keeps
/// that one.
pub(crate) fn only_setuid() -> io::Result<()> {
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let only = Sets {
        effective: 1 << SETUID,
        permitted: 1 << SETUID,
        inheritable: 1 << SETUID,
    };
    let sets = [only, Sets::default()];
    // SAFETY: both pointers are valid for the call and of the layout that the version names.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) })?;
    let raise = libc::PR_CAP_AMBIENT_RAISE;
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, SETUID, 0, 0) }.into())
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

//! What a nursery may do beyond the sandbox user's rights: become another user. Nothing else.

use std::io;

use nix::libc;

/// Layout of the arguments of capset(2).
const VERSION_3: u32 = 0x2008_0522;

/// To change user ids.
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

/// Lets this process keep its capabilities when it stops being root. To be called in a forked child.
pub(crate) fn keep() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }.into())
}

/// Gives up every capability but that to change user ids, which the program that this child becomes
/// has as well.
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

//! Capabilities of the guest and of its children.
//!
//! The guest may become another user and send signals to every process. It may also set how likely the kernel
//! is to kill a process when memory runs out. That capability is in effect only while the guest uses it,
//! because the kernel's limits do not hold for a process that has it. A nursery may become another user.
//! Programs have no capability.

use std::io;

use nix::libc;

/// Layout of the arguments of capset(2).
const VERSION_3: u32 = 0x2008_0522;

/// The capability to change user ids.
const SETUID: u32 = 7;

/// To set a lower limit of `oom_score_adj`, and to go below it.
const SYS_RESOURCE: u32 = 24;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// The sets of a process: the first 32 capabilities, then the others.
type Sets = [Set; 2];

#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Set {
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
    let only = Set {
        effective: 1 << SETUID,
        permitted: 1 << SETUID,
        inheritable: 1 << SETUID,
    };
    set(&[only, Set::default()])?;
    let raise = libc::PR_CAP_AMBIENT_RAISE;
    // SAFETY: the call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, SETUID, 0, 0) }.into())
}

/// Empties the inheritable set, and with it the ambient one.
pub(crate) fn clear_inheritable() -> io::Result<()> {
    change(|sets| {
        for set in sets {
            set.inheritable = 0;
        }
    })
}

/// Puts the capability that rules `oom_score_adj` into effect, if it is permitted, or out of effect.
pub(crate) fn set_resource_in_effect(wanted: bool) -> io::Result<()> {
    change(|[first, _]| {
        let bit = first.permitted & (1 << SYS_RESOURCE);
        first.effective &= !bit;
        if wanted {
            first.effective |= bit;
        }
    })
}

fn change(edit: impl FnOnce(&mut Sets)) -> io::Result<()> {
    let header = header();
    let mut before = Sets::default();
    // SAFETY: both pointers are valid for the call and of the layout that the version names.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw const header, before.as_mut_ptr()) })?;
    let mut after = before;
    edit(&mut after);
    if after == before {
        return Ok(());
    }
    set(&after)
}

fn set(sets: &Sets) -> io::Result<()> {
    let header = header();
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) })
}

/// Of the calling process.
fn header() -> Header {
    Header {
        version: VERSION_3,
        pid: 0,
    }
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

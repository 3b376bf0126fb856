//! Work with the rights that an owner has in the file system.

use std::io;

use nix::{
    sys::stat::Mode,
    unistd::{Gid, Uid, setfsgid, setfsuid},
};

/// Permissions of a directory while the guest works in it, as one owner after the other.
pub(super) const OPEN: Mode = Mode::S_IRWXU.union(Mode::S_IRWXG).union(Mode::S_IRWXO);

/// An id that no user and no group has. The two system calls then change nothing, and return the present one.
const NOBODY: u32 = u32::MAX;

/// Does `work` as this user and group in the file system.
pub(super) fn as_owner<T>(
    user: u32,
    group: u32,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let before = (
        setfsgid(Gid::from_raw(group)),
        setfsuid(Uid::from_raw(user)),
    );
    // The calls themselves report no failure.
    let group_now = setfsgid(Gid::from_raw(NOBODY)).as_raw();
    let user_now = setfsuid(Uid::from_raw(NOBODY)).as_raw();
    let outcome = if (user_now, group_now) == (user, group) {
        work()
    } else {
        let message = format!("cannot become user {user}, group {group}");
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    };
    setfsuid(before.1);
    setfsgid(before.0);
    outcome
}

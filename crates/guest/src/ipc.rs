//! System V objects, which outlive the processes that made them. Their POSIX kin are files in
//! `/dev/shm` and `/dev/mqueue` and go with these directories.

use std::{fs, io};

use nix::libc;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SharedMemory,
    Semaphores,
    MessageQueue,
}

/// Where the kernel lists the objects of each kind, see sysvipc(7).
const LISTS: [(Kind, &str); 3] = [
    (Kind::SharedMemory, "/proc/sysvipc/shm"),
    (Kind::Semaphores, "/proc/sysvipc/sem"),
    (Kind::MessageQueue, "/proc/sysvipc/msg"),
];

/// Whether there is certainly no object.
pub(crate) fn is_empty() -> bool {
    LISTS
        .iter()
        .all(|(_, list)| match fs::read_to_string(list) {
            Ok(text) => text.lines().nth(1).is_none(),
            // A kernel built without this kind has none of it.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        })
}

/// Removes every object; returns how many there were. Fails at the first that stays.
pub(crate) fn remove_all() -> io::Result<u64> {
    let mut removed = 0;
    for (kind, list) in LISTS {
        let text = match fs::read_to_string(list) {
            Ok(text) => text,
            // A kernel built without this kind has none of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for id in ids(&text) {
            remove(kind, id)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The second column of a list, under its heading.
fn ids(list: &str) -> impl Iterator<Item = i32> + '_ {
    list.lines()
        .skip(1)
        .filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse().ok())
}

fn remove(kind: Kind, id: i32) -> io::Result<()> {
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: IPC_RMID reads no argument beside the id.
    let result = unsafe {
        match kind {
            Kind::SharedMemory => libc::shmctl(id, libc::IPC_RMID, null.cast()),
            Kind::Semaphores => libc::semctl(id, 0, libc::IPC_RMID),
            Kind::MessageQueue => libc::msgctl(id, libc::IPC_RMID, null.cast()),
        }
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_the_second_column_below_the_heading() {
        let list = "       key      shmid perms\n         0          3  1666\n -99 32769 600\n";
        assert_eq!(super::ids(list).collect::<Vec<_>>(), [3, 32769]);
    }
}

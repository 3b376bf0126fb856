//! System V objects, which outlive the processes that made them. POSIX objects are files in `/dev/shm` and
//! `/dev/mqueue`, and are removed with the contents of these directories.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
};

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

/// Room for the heading of a list and its first line, in bytes.
const BEGINNING_BYTES: usize = 1024;

/// The lists, kept open.
pub(crate) struct Lists(Vec<File>);

impl Lists {
    pub(crate) fn open() -> io::Result<Self> {
        let lists = LISTS.iter().map(|(_, list)| File::open(list));
        // A kernel without this kind has no list for it.
        let there = lists
            .filter(|file| !matches!(file, Err(error) if error.kind() == io::ErrorKind::NotFound));
        Ok(Self(there.collect::<Result<_, _>>()?))
    }

    /// Whether there is no object of any kind.
    pub(crate) fn are_empty(&self) -> bool {
        let has_none = |list: &File| {
            let mut beginning = [0; BEGINNING_BYTES];
            // A read from the beginning makes the kernel write the list again.
            let count = list.read_at(&mut beginning, 0);
            count.is_ok_and(|count| ends_with_heading(&beginning[..count]))
        };
        self.0.iter().all(has_none)
    }
}

/// Whether a list with this beginning has nothing below its heading.
fn ends_with_heading(beginning: &[u8]) -> bool {
    beginning.iter().position(|byte| *byte == b'\n') == Some(beginning.len().wrapping_sub(1))
}

/// Removes every object. Returns how many there were. Fails at the first that cannot be removed.
pub(crate) fn remove_all() -> io::Result<u64> {
    let mut removed = 0;
    for (kind, list) in LISTS {
        let text = match fs::read_to_string(list) {
            Ok(text) => text,
            // A kernel without this kind has no list for it.
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

/// Returns the second column of a list, below its heading.
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
    fn a_list_with_its_heading_alone_is_empty() {
        assert!(super::ends_with_heading(b" key shmid perms\n"));
        assert!(!super::ends_with_heading(b" key shmid perms\n 0 3 1666\n"));
        assert!(!super::ends_with_heading(b" key shmid perms\n 0 3 16"));
        assert!(!super::ends_with_heading(b" key shmid"));
        assert!(!super::ends_with_heading(b""));
    }

    #[test]
    fn ids_are_the_second_column_below_the_heading() {
        let list = "       key      shmid perms\n         0          3  1666\n -99 32769 600\n";
        assert_eq!(super::ids(list).collect::<Vec<_>>(), [3, 32769]);
    }
}

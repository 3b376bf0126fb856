//! A look at the locks of one process.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    time::{Duration, Instant},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::Mode,
};

use super::MOST;

/// How a line of the kernel's begins that shows a lock of a descriptor. See `proc_pid_fdinfo(5)`.
const LINE: &[u8] = b"lock:";

/// A look at a process, which may take more than one turn.
pub(super) struct Look {
    pub(super) pid: i32,
    pub(super) cpu: Duration,
    /// Descriptors that are left; none before the beginning.
    left: Option<Descriptors>,
    pub(super) locks: u64,
    pub(super) took: Duration,
}

/// The files that show the descriptors of a process.
struct Descriptors {
    directory: Dir,
    names: Vec<CString>,
}

impl Look {
    /// The beginning of one at a process with this CPU time.
    pub(super) fn new(pid: i32, cpu: Duration) -> Self {
        Self {
            pid,
            cpu,
            left: None,
            locks: 0,
            took: Duration::ZERO,
        }
    }

    /// Counts until the `end` of the turn. Returns whether it is done. Fails when the process cannot be looked at.
    pub(super) fn go_on(&mut self, end: Instant) -> io::Result<bool> {
        let left = match self.left.take() {
            Some(left) => Some(left),
            None => descriptors(self.pid)?,
        };
        let Some(mut left) = left else {
            return Ok(true);
        };
        while let Some(name) = left.names.pop() {
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
            let opened = openat(&left.directory, name.as_c_str(), flags, Mode::empty());
            let counted = opened.map_err(io::Error::from);
            let counted = counted.and_then(|file| count(File::from(file)));
            self.locks += match counted {
                Ok(locks) => locks,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                // The descriptor may be closed meanwhile.
                Err(_) => 0,
            };
            if self.locks > MOST {
                return Ok(true);
            }
            if Instant::now() >= end {
                break;
            }
        }
        let is_done = left.names.is_empty();
        self.left = Some(left);
        Ok(is_done)
    }
}

/// The descriptors of a process; none when it has ended. Fails when the guest may not look.
fn descriptors(pid: i32) -> io::Result<Option<Descriptors>> {
    let own = list(&format!("/proc/{pid}/fdinfo"))?;
    if own.is_some() {
        return Ok(own);
    }
    // The first thread may have ended before the others, which have the same descriptors.
    let tasks = format!("/proc/{pid}/task");
    let threads = match fs::read_dir(&tasks) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => return Ok(None),
        Ok(threads) => threads,
    };
    for thread in threads.flatten() {
        let thread = thread.file_name();
        let found = list(&format!("{tasks}/{}/fdinfo", thread.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The descriptors in a directory of the kernel's; none when it has none, or is gone.
fn list(place: &str) -> io::Result<Option<Descriptors>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = match Dir::open(place, flags, Mode::empty()) {
        Err(error @ (Errno::EACCES | Errno::EPERM)) => return Err(error.into()),
        Err(_) => return Ok(None),
        Ok(directory) => directory,
    };
    let names = directory.iter().flatten();
    let names = names.map(|entry| entry.file_name().to_owned());
    let names: Vec<_> = names
        .filter(|name| !name.to_bytes().starts_with(b"."))
        .collect();
    let is_empty = names.is_empty();
    Ok((!is_empty).then_some(Descriptors { directory, names }))
}

/// How many lines show a lock.
fn count(mut text: impl io::Read) -> io::Result<u64> {
    let mut buffer = [0; 4096];
    let (mut locks, mut at) = (0, 0);
    loop {
        let length = text.read(&mut buffer)?;
        if length == 0 {
            return Ok(locks);
        }
        for byte in &buffer[..length] {
            at = match byte {
                b'\n' => 0,
                byte if LINE.get(at) == Some(byte) => at + 1,
                _ => LINE.len() + 1,
            };
            locks += u64::from(at == LINE.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its text in pieces.
    struct Pieces<'a>(std::slice::ChunksExact<'a, u8>);

    impl io::Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.next().unwrap_or_default();
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn each_line_of_a_lock_counts_however_the_text_is_split() {
        let text = b"pos:\t0\nflags:\t02\nlock:\t1: POSIX  ADVISORY  WRITE 7 00:2a:9 0 0\n\
                     clock: lock:\nlock:\t2: POSIX  ADVISORY  READ 7 00:2a:9 2 2\n";
        for size in 1..text.len() {
            let whole = text.len() / size * size;
            let padded = [&text[..], &vec![b'\n'; whole + size - text.len()]].concat();
            assert_eq!(
                count(Pieces(padded.chunks_exact(size))).unwrap(),
                2,
                "{size}"
            );
        }
        assert_eq!(count(&b""[..]).unwrap(), 0);
    }

    #[test]
    fn locks_of_a_process_are_found_over_several_turns() {
        use nix::{
            fcntl::{FcntlArg, fcntl},
            libc,
        };

        let file = tempfile::tempfile().unwrap();
        for start in 0..40 {
            let lock = libc::flock {
                l_type: libc::F_WRLCK.try_into().unwrap(),
                l_whence: 0,
                l_start: start * 2,
                l_len: 1,
                l_pid: 0,
            };
            fcntl(&file, FcntlArg::F_SETLK(&lock)).unwrap();
        }
        let mut look = Look::new(nix::unistd::getpid().as_raw(), Duration::ZERO);
        let mut turns = 1;
        while !look.go_on(Instant::now()).unwrap() {
            turns += 1;
        }
        assert!(look.locks >= 40, "{}", look.locks);
        assert!(turns > 3, "one descriptor a turn: {turns}");
    }
}

//! What spawners are started with: the guest's program, which is theirs, and the guest's other files. Both lie in memory,
//! once for this process.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsRawFd as _,
    sync::OnceLock,
};

use isol8_backend::guest_files;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The guest's program among its files.
const PROGRAM: &str = "guest";

static MADE: OnceLock<MemoryFiles> = OnceLock::new();

/// The guest's files, open for reading.
pub(super) struct MemoryFiles {
    /// The program.
    pub(super) program: File,
    /// The contents of the others, one after the other.
    pub(super) others: File,
    /// The path and the length of each of these.
    pub(super) lengths: Vec<(String, u64)>,
}

impl MemoryFiles {
    /// Those of this process, made when they are wanted for the first time.
    pub(super) fn get() -> io::Result<&'static Self> {
        if let Some(made) = MADE.get() {
            return Ok(made);
        }
        let made = Self::make()?;
        Ok(MADE.get_or_init(|| made))
    }

    fn make() -> io::Result<Self> {
        let program = guest_files().filter(|file| file.path == PROGRAM);
        let others = || guest_files().filter(|file| file.path != PROGRAM);
        Ok(Self {
            program: in_memory("isol8-spawner", program.map(|file| file.contents))?,
            others: in_memory("isol8-files", others().map(|file| file.contents))?,
            lengths: others()
                .map(|file| (file.path.to_owned(), file.contents.len() as u64))
                .collect(),
        })
    }
}

/// A file without a path that nobody can change: all later spawners are started with it.
fn in_memory<'a>(name: &str, contents: impl Iterator<Item = &'a [u8]>) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create(name, flags)?);
    for part in contents {
        file.write_all(part)?;
    }
    let unchanged = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&file, unchanged)?;
    // A file that can be written to cannot be run. A descriptor for reading alone can.
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn the_files_lie_one_after_the_other_and_are_made_once() {
        let files = MemoryFiles::get().unwrap();
        assert!(std::ptr::eq(files, MemoryFiles::get().unwrap()));
        let mut at = 0;
        for (path, length) in &files.lengths {
            let mut content = vec![0; usize::try_from(*length).unwrap()];
            files.others.read_exact_at(&mut content, at).unwrap();
            at += length;
            let file = guest_files().find(|file| file.path == path).unwrap();
            assert!(content == file.contents, "{path}");
        }
        assert_eq!(files.others.metadata().unwrap().len(), at);
        assert_eq!(files.lengths.len() + 1, guest_files().count());
        for file in [&files.program, &files.others] {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            // A program that runs cannot even be opened for that.
            let changing = File::options().write(true).open(path);
            assert!(changing.and_then(|mut file| file.write_all(b"x")).is_err());
        }
    }
}

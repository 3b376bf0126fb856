//! The named pipes between the guest and the interpreter of a session, and the files of a shell's launcher.
//!
//! Programs can close or replace every descriptor of their process, and do. So the next call must not need an
//! open descriptor. The launcher opens the pipes by their names, for each call anew. The directory belongs to
//! root, and user code can only enter it. The pipes belong to the user, like those of any other program.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
};

use isol8_protocol::{FrameKind, SESSION_DIR, SESSION_NOTE, SESSION_SCRIPT, SessionPipe};
use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, OFlag, fallocate, open},
    sys::stat::{Mode, fstat},
    unistd::{ftruncate, mkfifo, read},
};

use super::output::Source;
use crate::{
    fd::{Fd, make_blocking, widen},
    user::rights::with_rights_of_user,
    writable::mounts::has_tmpfs,
};

/// The rights to a pipe or file: all of them are the user's.
const OF_USER: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// Bytes that are read at once to be thrown away.
const DISCARD_BYTES: usize = 16 * 1024;

/// Makes the pipes and files, in a sandbox that has the directory for them. Returns whether it has. Call it before
/// anything of a user runs: the directory is open to the user meanwhile.
pub(crate) fn make() -> io::Result<bool> {
    let directory = Path::new(SESSION_DIR);
    // Other sandboxes may have an empty directory there.
    if !has_tmpfs(SESSION_DIR) {
        return Ok(false);
    }
    let before = fs::metadata(directory)?;
    let mode = |mode| fs::set_permissions(directory, fs::Permissions::from_mode(mode));
    mode(0o777)?;
    for pipe in SessionPipe::ALL {
        match with_rights_of_user(|| mkfifo(Path::new(&pipe.path()), OF_USER)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for path in [SESSION_SCRIPT, SESSION_NOTE] {
        open_as_user(path, OFlag::O_WRONLY | OFlag::O_CREAT)?;
    }
    mode(before.permissions().mode())?;
    Ok(true)
}

/// Empties the files, so that nothing of one session reaches the next.
pub(crate) fn empty_files() -> io::Result<()> {
    let empty = |path| open_as_user(path, OFlag::O_WRONLY | OFlag::O_TRUNC).map(drop);
    with_rights_of_user(|| {
        [SESSION_SCRIPT, SESSION_NOTE]
            .into_iter()
            .try_for_each(empty)
    })
}

/// Begins the script of a new shell with a line.
pub(super) fn begin_script(line: &str) -> io::Result<()> {
    let script = open_as_user(SESSION_SCRIPT, OFlag::O_WRONLY | OFlag::O_TRUNC)?;
    File::from(script).write_all(format!("{line}\n").as_bytes())
}

/// Gives up the memory of what the shell has run. The script keeps its length, because the shell reads on at
/// its end. While a program has a lease on the script, a later call does this.
pub(super) fn shorten_script() -> io::Result<()> {
    let script = match open_as_user(SESSION_SCRIPT, OFlag::O_WRONLY) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
        opened => opened?,
    };
    let length = fstat(&script)?.st_size;
    if length > 0 {
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(&script, hole, 0, length) {
            // gVisor makes no holes.
            Err(Errno::EOPNOTSUPP) => {
                ftruncate(&script, 0)?;
                ftruncate(&script, length)?;
            }
            done => done?,
        }
    }
    Ok(())
}

/// The guest's ends, open as long as there may be an interpreter.
pub(crate) struct Pipes {
    pub(super) commands: Fd,
    pub(super) reports: Fd,
    stdin: OwnedFd,
    pub(super) stdout: Source,
    pub(super) stderr: Source,
}

impl Pipes {
    /// Opens the guest's ends.
    pub(super) fn open() -> io::Result<Self> {
        let source = |pipe, kind| Ok::<_, io::Error>(Source::new(both(pipe)?, kind));
        Ok(Self {
            commands: both(SessionPipe::Commands)?,
            reports: both(SessionPipe::Reports)?,
            stdin: end(SessionPipe::Stdin, OFlag::O_RDONLY)?,
            stdout: source(SessionPipe::Stdout, FrameKind::Stdout)?,
            stderr: source(SessionPipe::Stderr, FrameKind::Stderr)?,
        })
    }

    /// Throws away input that was not read, so that the next call does not find it.
    pub(super) fn clear_input(&self) -> io::Result<()> {
        drain(&self.stdin)
    }
}

/// Opens standard input for writing. Without a writer it is at its end.
pub(super) fn input() -> io::Result<Fd> {
    Fd::new(end(SessionPipe::Stdin, OFlag::O_WRONLY)?)
}

/// Throws away the commands that an ended interpreter has not read.
pub(super) fn clear_commands() -> io::Result<()> {
    drain(&end(SessionPipe::Commands, OFlag::O_RDONLY)?)
}

/// An end for a new interpreter. Reading and writing it blocks.
pub(super) fn theirs(pipe: SessionPipe, flags: OFlag) -> io::Result<OwnedFd> {
    let end = end(pipe, flags)?;
    make_blocking(&end)?;
    Ok(end)
}

/// Opens both ends in one descriptor, so that the pipe is never at its end.
fn both(pipe: SessionPipe) -> io::Result<Fd> {
    let end = end(pipe, OFlag::O_RDWR)?;
    widen(&end);
    Fd::new(end)
}

fn end(pipe: SessionPipe, flags: OFlag) -> io::Result<OwnedFd> {
    open_as_user(&pipe.path(), flags)
}

/// Opens a pipe or file without waiting. The other end of a pipe may be missing, and a program may have a lease
/// (fcntl(2)) on a file: the system would hold the guest up for 45 seconds.
fn open_as_user(path: &str, flags: OFlag) -> io::Result<OwnedFd> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(with_rights_of_user(|| {
        open(Path::new(path), flags, OF_USER)
    })?)
}

fn drain(pipe: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; DISCARD_BYTES];
    loop {
        match read(pipe, &mut buffer) {
            Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

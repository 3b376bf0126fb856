//! Puts the content of the image into its volumes.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use isol8_protocol::{
    FRAME_HEADER_BYTES, FrameHeader, FrameKind, VolumeEntry, VolumeEntryKind, VolumeRecord, decode,
};
use nix::{
    fcntl::{AtFlags, OFlag, openat},
    sys::{
        stat::{FileStat, Mode, UtimensatFlags, fchmod, fstat, futimens, mkdirat, utimensat},
        time::TimeSpec,
    },
    unistd::{linkat, symlinkat},
};

use super::owner::{OPEN, as_owner};
use crate::user::owner_of_copy;

/// Read at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Permissions of a file until its content is there.
const CLOSED: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// Fills the volumes with these directories. Each must be empty and open to everybody.
pub(super) fn fill(roots: &[&OwnedFd], content: File) -> io::Result<()> {
    let mut content = BufReader::with_capacity(BUFFER_BYTES, content);
    loop {
        let entry = match next_record(&mut content)? {
            VolumeRecord::Entry(entry) => entry,
            VolumeRecord::End => return Ok(()),
        };
        let root = usize::try_from(entry.volume)
            .ok()
            .and_then(|number| roots.get(number))
            .ok_or_else(|| io::Error::other("there is no such volume"))?;
        put(root, &entry, &mut content).map_err(|error| {
            let path = String::from_utf8_lossy(&entry.path);
            io::Error::new(error.kind(), format!("{path}: {error}"))
        })?;
    }
}

fn next_record(content: &mut impl Read) -> io::Result<VolumeRecord> {
    let mut header = [0; FRAME_HEADER_BYTES];
    content.read_exact(&mut header)?;
    let header = FrameHeader::parse(header).map_err(io::Error::other)?;
    if header.kind != FrameKind::Message {
        return Err(io::Error::other("a frame is no message"));
    }
    let mut payload = vec![0; header.length];
    content.read_exact(&mut payload)?;
    decode(&payload).map_err(io::Error::other)
}

/// Makes one entry, as its owner.
fn put(root: &OwnedFd, entry: &VolumeEntry, content: &mut impl Read) -> io::Result<()> {
    as_owner(owner_of_copy(entry.user), entry.group, || {
        let walked = walk(root, &entry.path)?;
        let (parent, name) = (walked.parent(root), walked.name);
        match &entry.kind {
            VolumeEntryKind::Directory => {
                mkdirat(parent, name, OPEN)?;
                // Without what the mask of the process has taken away.
                fchmod(open_directory(parent, name)?, OPEN)?;
            }
            VolumeEntryKind::DirectoryEnd => finish(&open_directory(parent, name)?, entry)?,
            VolumeEntryKind::File { size } => {
                let flags = OFlag::O_WRONLY
                    | OFlag::O_CREAT
                    | OFlag::O_EXCL
                    | OFlag::O_NOFOLLOW
                    | OFlag::O_CLOEXEC;
                let mut file = File::from(openat(parent, name, flags, CLOSED)?);
                if io::copy(&mut content.take(*size), &mut file)? != *size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                finish(&file, entry)?;
            }
            VolumeEntryKind::SymbolicLink { target } => {
                symlinkat(target.as_slice(), parent, name)?;
                let time = time_of(entry);
                utimensat(parent, name, &time, &time, UtimensatFlags::NoFollowSymlink)?;
            }
            VolumeEntryKind::HardLink { target } => {
                let walked = walk(root, target)?;
                let (from, known) = (walked.parent(root), walked.name);
                linkat(from, known, parent, name, AtFlags::empty())?;
            }
        }
        Ok(())
    })
}

/// Gives what is complete its permissions and its time.
fn finish(made: &impl AsFd, entry: &VolumeEntry) -> io::Result<()> {
    let FileStat { st_uid, st_gid, .. } = fstat(made)?;
    if (st_uid, st_gid) != (owner_of_copy(entry.user), entry.group) {
        return Err(io::Error::other("it has another owner"));
    }
    fchmod(made, Mode::from_bits_truncate(entry.mode))?;
    let time = time_of(entry);
    Ok(futimens(made, &time, &time)?)
}

fn time_of(entry: &VolumeEntry) -> TimeSpec {
    TimeSpec::new(entry.modified, 0)
}

/// Where a path leads: the directory that has its last part, if that is not the volume itself.
struct Walked<'a> {
    parent: Option<OwnedFd>,
    name: &'a [u8],
}

impl Walked<'_> {
    fn parent<'a>(&'a self, root: &'a OwnedFd) -> BorrowedFd<'a> {
        self.parent.as_ref().unwrap_or(root).as_fd()
    }
}

/// Walks to the directory that has the last part of `path`. No part may be a link.
fn walk<'a>(root: &OwnedFd, path: &'a [u8]) -> io::Result<Walked<'a>> {
    let is_part = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    if !path.split(|byte| *byte == b'/').all(is_part) {
        return Err(io::Error::other("it is no path below a volume"));
    }
    let mut parts = path.split(|byte| *byte == b'/');
    let name = parts.next_back().unwrap_or_default();
    let mut parent: Option<OwnedFd> = None;
    for part in parts {
        let from = parent.as_ref().unwrap_or(root);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        parent = Some(openat(from, part, flags, Mode::empty())?);
    }
    Ok(Walked { parent, name })
}

fn open_directory(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

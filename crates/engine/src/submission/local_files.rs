//! Files of this machine that go into a sandbox.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

/// A folder of this machine that files are taken from. It stays the same folder, whatever becomes of its path, and
/// nothing below it is reached by a link.
#[derive(Debug)]
pub struct LocalFolder {
    path: PathBuf,
    directory: OwnedFd,
}

impl LocalFolder {
    /// Opens a folder. Links on the way to it are followed.
    ///
    /// # Errors
    ///
    /// That of the system, for example when there is no folder.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let directory = openat(CWD, &path, FOLDER, Mode::empty())?;
        Ok(Self { path, directory })
    }

    /// The path with which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in this one. `""` is the folder itself.
    ///
    /// # Errors
    ///
    /// That of the system. A path with a link in it, or one with `..`, is an error.
    pub fn folder(&self, below: &Path) -> io::Result<OwnedFd> {
        let mut opened = openat(&self.directory, ".", FOLDER, Mode::empty())?;
        for part in below.components() {
            opened = enter(&opened, part, FOLDER)?;
        }
        Ok(opened)
    }

    /// Opens a regular file in this folder: a link that has taken its place, or that of a folder on the way, may lead
    /// anywhere, and a pipe has no end.
    fn file(&self, below: &Path) -> io::Result<File> {
        let folder = self.folder(below.parent().unwrap_or(Path::new("")))?;
        let name = below.components().next_back().ok_or(Errno::INVAL)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = File::from(enter(&folder, name, flags)?);
        if opened.metadata()?.is_file() {
            return Ok(opened);
        }
        Err(io::Error::other("it is no file any more"))
    }
}

/// Each opening is a folder of its own.
impl PartialEq for LocalFolder {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for LocalFolder {}

/// How folders are opened.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Opens what has this name in a folder, unless it is a link.
fn enter(folder: impl AsFd, part: Component<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let Component::Normal(name) = part else {
        return Err(Errno::INVAL.into());
    };
    Ok(openat(
        folder,
        name,
        flags | OFlags::NOFOLLOW,
        Mode::empty(),
    )?)
}

/// A file of this machine that is read while it is sent, so that it is never in memory as a whole.
///
/// It names a path of the host, so it comes from the engine's owner and never out of a request's JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is written. A relative path is taken from `/sandbox`.
    pub path: String,
    /// Where the source is.
    pub folder: Arc<LocalFolder>,
    /// What is read: the path of a regular file in `folder`, without links.
    pub source: PathBuf,
    /// How many bytes are read. A file that has fewer is an error; one that has more has grown since, and its beginning
    /// is sent.
    pub bytes: u64,
}

impl LocalFile {
    /// The path of the source, for messages.
    #[must_use]
    pub fn full_source(&self) -> PathBuf {
        self.folder.path.join(&self.source)
    }

    /// Opens the source.
    ///
    /// # Errors
    ///
    /// That of the system. What is no regular file any more, or is reached by a link, is an error.
    pub(crate) fn open(&self) -> io::Result<File> {
        self.folder.file(&self.source)
    }

    /// Reads the source: `bytes` bytes.
    ///
    /// # Errors
    ///
    /// That of the system. A file that has fewer bytes is an error. What is no regular file any more, or is reached by a
    /// link, is one, too.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        self.open()?.take(self.bytes).read_to_end(&mut contents)?;
        if (contents.len() as u64) < self.bytes {
            return Err(shorter());
        }
        Ok(contents)
    }
}

/// The error of a file that has fewer bytes than are wanted.
pub(crate) fn shorter() -> io::Error {
    io::Error::other("it has become shorter meanwhile")
}

//! File operations with the sandbox user's rights. They run in forked children only, with blocking calls.

mod sending;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind as Io, Read, Write},
    os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use isol8_protocol::{ErrorKind, InlineFile};
use nix::{errno::Errno, libc, unistd::chdir};

pub(crate) use self::sending::send_each;
use crate::failure::Failure;

/// Number of bytes copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// Number of names that are tried for a file that is being written.
const TEMPORARY_NAMES: u32 = 64;

/// Checks the rules for a path that do not depend on the file system.
pub(crate) fn check_path(path: &str) -> Result<(), Failure> {
    if !path.starts_with('/') {
        return Err(Failure::new(
            ErrorKind::Invalid,
            path,
            "the path must be absolute",
        ));
    }
    if path.contains('\0') {
        return Err(Failure::new(
            ErrorKind::Invalid,
            path,
            "the path contains a NUL byte",
        ));
    }
    Ok(())
}

/// Creates or replaces the file `path`, and creates the directories above it. `contents` writes the new contents
/// and returns whether to keep them. Until then the old file stays unchanged.
pub(crate) fn replace(
    path: &str,
    contents: impl FnOnce(&mut File) -> io::Result<bool>,
) -> Result<(), Failure> {
    let target = Path::new(path);
    let (Some(directory), Some(_), false) = (
        target.parent(),
        target.file_name(),
        path.ends_with('/') || path.ends_with("/."),
    ) else {
        return Err(not_a_file(path, "it names a directory"));
    };
    let old_mode = existing_mode(path)?;
    let (mut file, temporary) = create_temporary(path, directory)?;
    let written = contents(&mut file).and_then(|keep| {
        if !keep {
            return Err(io::Error::other("the transfer was given up"));
        }
        if let Some(mode) = old_mode {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        // The name itself is replaced. A symbolic link there is not followed.
        fs::rename(&temporary, target)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Failure::os(path, "cannot write the file", &error)
    })
}

/// Creates or replaces `files`, then enters `directory`.
pub(crate) fn write_inline(files: &[InlineFile], directory: Option<&str>) -> Result<(), Failure> {
    for file in files {
        replace(&file.path, |target| {
            target.write_all(&file.data).map(|()| true)
        })?;
    }
    directory.map_or(Ok(()), enter_directory)
}

/// Makes `directory` the working directory, and creates it when it is missing.
pub(crate) fn enter_directory(directory: &str) -> Result<(), Failure> {
    let failed = |error: Errno| {
        Failure::os(
            directory,
            "cannot enter the working directory",
            &error.into(),
        )
    };
    match chdir(directory) {
        Err(Errno::ENOENT) => {
            make_directory(directory, Path::new(directory))?;
            chdir(directory).map_err(failed)
        }
        done => done.map_err(failed),
    }
}

/// Returns the permissions of the regular file at `path`, if there is one. Anything else but a symbolic link is an
/// error.
fn existing_mode(path: &str) -> Result<Option<u32>, Failure> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(None);
    };
    if metadata.file_type().is_symlink() {
        return Ok(None);
    }
    check_regular(path, &metadata)?;
    Ok(Some(metadata.permissions().mode() & 0o777))
}

fn create_temporary(path: &str, directory: &Path) -> Result<(File, PathBuf), Failure> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o666)
        .custom_flags(libc::O_NOFOLLOW);
    temporary(path, directory, |temporary| options.open(temporary))
}

/// Creates something in `directory` under a name that nothing there has. Errors name `path`.
fn temporary<T>(
    path: &str,
    directory: &Path,
    create: impl Fn(&Path) -> io::Result<T>,
) -> Result<(T, PathBuf), Failure> {
    let process = std::process::id();
    let mut made_directory = false;
    let mut attempt = 0;
    loop {
        let temporary = directory.join(format!(".isol8-{process}-{attempt}"));
        match create(&temporary) {
            Ok(created) => return Ok((created, temporary)),
            Err(error) if error.kind() == Io::AlreadyExists && attempt < TEMPORARY_NAMES => {
                attempt += 1;
            }
            Err(error) if error.kind() == Io::NotFound && !made_directory => {
                make_directory(path, directory)?;
                made_directory = true;
            }
            Err(error) => return Err(Failure::os(path, "cannot create the file", &error)),
        }
    }
}

/// Makes `path` a symbolic link to `target`. What was there is put aside, for [`unlink`].
pub(crate) fn link(path: &str, target: &str) -> Result<(), Failure> {
    existing_mode(path)?;
    match fs::rename(path, aside(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::os(path, "cannot write the file", &error));
        }
        _ => {}
    }
    let directory = Path::new(path).parent().unwrap_or(Path::new("/"));
    let create = |temporary: &Path| std::os::unix::fs::symlink(target, temporary);
    let ((), temporary) = temporary(path, directory, create)?;
    fs::rename(&temporary, path).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Failure::os(path, "cannot write the file", &error)
    })
}

/// Puts back what was at `path` before [`link`], if there was anything.
pub(crate) fn unlink(path: &str) -> Result<(), Failure> {
    match fs::rename(aside(path), path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::os(path, "cannot write the file", &error))
        }
        _ => Ok(()),
    }
}

fn aside(path: &str) -> String {
    format!("{path}.isol8-aside")
}

/// Creates `directory` and the missing ones above it. Errors name `path`.
fn make_directory(path: &str, directory: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o777)
        .create(directory)
        .map_err(|error| {
            let doing = format!("cannot create the directory {}", directory.display());
            Failure::os(path, &doing, &error)
        })
}

/// Opens the regular file `path` of at most `max_bytes` for reading. Anything else is only opened to check its
/// kind, and a pipe without a writer does not block.
pub(crate) fn open(path: &str, max_bytes: u64) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(libc::ENXIO) => not_a_file(path, "it is a socket or a device"),
            _ => Failure::os(path, "cannot open the file", &error),
        })?;
    let metadata = file
        .metadata()
        .map_err(|error| Failure::os(path, "cannot read", &error))?;
    check_regular(path, &metadata)?;
    // A sparse file takes no space in the sandbox, and its whole size in the host's memory.
    if metadata.len() > max_bytes {
        let size = metadata.len();
        let message = format!("it has {size} bytes, the limit is {max_bytes}");
        return Err(Failure::new(ErrorKind::TooLarge, path, message));
    }
    Ok(file)
}

fn check_regular(path: &str, metadata: &fs::Metadata) -> Result<(), Failure> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "it is a directory",
        () if kind.is_fifo() => "it is a named pipe",
        () if kind.is_socket() => "it is a socket",
        () => "it is a device",
    };
    Err(not_a_file(path, what))
}

fn not_a_file(path: &str, what: &str) -> Failure {
    Failure::new(
        ErrorKind::NotAFile,
        path,
        format!("not a regular file: {what}"),
    )
}

/// Which side of a copy failed.
pub(crate) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Copies everything.
pub(crate) fn copy(source: &mut File, target: &mut File) -> Result<(), CopyError> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => target
                .write_all(&buffer[..count])
                .map_err(CopyError::Write)?,
            Err(error) if error.kind() == Io::Interrupted => {}
            Err(error) => return Err(CopyError::Read(error)),
        }
    }
}

//! A folder of this machine as files of a sandbox. It is listed here. The files are read while they are sent.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use isol8_engine::{LocalFile, LocalFolder};
use rustix::fs::{AtFlags, Dir, FileType, Stat, statat};

use crate::{failure::Failure, output::Console, settings::SANDBOX};

/// Folders that are left out, wherever they are.
const SKIPPED: [&str; 6] = [
    ".git",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
];

/// Most bytes of all files together.
const MAX_BYTES: u64 = 2 << 30;

/// Most files.
const MAX_FILES: usize = 100_000;

/// The files of `folder` with their paths in a sandbox. Links out of the folder, and what is no file, are left
/// out with a warning.
pub(super) fn list(
    folder: &Path,
    workdir: Option<&str>,
    console: Console,
) -> Result<Vec<LocalFile>, Failure> {
    if !folder.is_dir() {
        return Err(Failure::Usage(format!(
            "--files path is not a directory: {}",
            folder.display()
        )));
    }
    let opened = folder.canonicalize().and_then(LocalFolder::open);
    let root = Arc::new(opened.map_err(|cause| unreadable(folder, cause))?);
    let mut walk = Walk {
        prefix: prefix(root.path(), workdir),
        root,
        bytes: 0,
        files: Vec::new(),
        console,
    };
    walk.folder(Path::new(""))?;
    Ok(walk.files)
}

/// Where the folder's files go: `/sandbox`, or a folder of the same name there when that is the working
/// directory or has it inside.
fn prefix(root: &Path, workdir: Option<&str>) -> String {
    let name = root.file_name().and_then(|name| name.to_str());
    let inside = workdir.map(|path| {
        let path = path.strip_prefix(SANDBOX).unwrap_or(path);
        let mut names = path.split('/');
        names.find(|name| !matches!(*name, "" | "."))
    });
    match (name, inside.flatten()) {
        (Some(name), Some(first)) if name == first => format!("{SANDBOX}/{name}"),
        _ => SANDBOX.to_owned(),
    }
}

/// Goes through a folder. Paths are those below the root. Another program may change the folder meanwhile, so folders
/// are opened without following links, as files are when they are read.
struct Walk {
    prefix: String,
    root: Arc<LocalFolder>,
    bytes: u64,
    files: Vec<LocalFile>,
    console: Console,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let entries = self.entries(folder);
        let entries = entries.map_err(|cause| unreadable(&self.full(folder), cause))?;
        for (path, kind) in entries {
            match FileType::from_raw_mode(kind.st_mode) {
                FileType::Directory => {
                    if !path.file_name().is_some_and(is_skipped) {
                        self.folder(&path)?;
                    }
                }
                FileType::Symlink => self.link(&path)?,
                FileType::RegularFile => self.file(&path, path.clone(), length(&kind))?,
                _ => self.leave_out(&path, "it is no file"),
            }
        }
        Ok(())
    }

    /// What is in a folder. It is closed afterwards, so that the depth of a tree needs no descriptors.
    fn entries(&self, folder: &Path) -> io::Result<Vec<(PathBuf, Stat)>> {
        let opened = self.root.folder(folder)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                let kind = statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW)?;
                entries.push((folder.join(name), kind));
            }
        }
        Ok(entries)
    }

    /// A link to a file of the folder is a copy of that file.
    fn link(&mut self, path: &Path) -> Result<(), Failure> {
        let Ok(target) = self.full(path).canonicalize() else {
            self.leave_out(path, "it is a link to nothing");
            return Ok(());
        };
        let Ok(inside) = target.strip_prefix(self.root.path()) else {
            self.leave_out(path, "it is a link that leaves the folder");
            return Ok(());
        };
        // Otherwise a project of somebody else could have the credentials in .git/config copied.
        if is_in_skipped(inside) {
            self.leave_out(path, "it is a link into a folder that is left out");
            return Ok(());
        }
        match fs::symlink_metadata(&target) {
            Ok(kind) if kind.is_file() => self.file(path, inside.to_owned(), kind.len())?,
            Ok(kind) if kind.is_dir() => self.leave_out(path, "it is a link to a folder"),
            _ => self.leave_out(path, "it is a link to what is no file"),
        }
        Ok(())
    }

    /// Adds the file `source` under the name of `path`.
    fn file(&mut self, path: &Path, source: PathBuf, bytes: u64) -> Result<(), Failure> {
        let Some(name) = name_in_sandbox(path) else {
            self.leave_out(path, "its name is not UTF-8");
            return Ok(());
        };
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files.len() >= MAX_FILES || self.bytes > MAX_BYTES {
            return Err(Failure::Usage(format!(
                "--files: {} has more than {MAX_FILES} files or more than {MAX_BYTES} bytes.",
                self.root.path().display()
            )));
        }
        self.files.push(LocalFile {
            path: format!("{}/{name}", self.prefix),
            folder: Arc::clone(&self.root),
            source,
            bytes,
        });
        Ok(())
    }

    fn full(&self, path: &Path) -> PathBuf {
        self.root.path().join(path)
    }

    fn leave_out(&self, path: &Path, reason: &str) {
        self.console.warn(&format!(
            "{} is left out: {reason}.",
            self.full(path).display()
        ));
    }
}

fn is_skipped(name: &OsStr) -> bool {
    SKIPPED.iter().any(|skipped| name == *skipped)
}

/// Whether a file of the folder is in one that is left out.
fn is_in_skipped(file: &Path) -> bool {
    let folder = file.parent();
    folder.is_some_and(|folder| folder.iter().any(is_skipped))
}

/// The bytes of a file.
fn length(kind: &Stat) -> u64 {
    u64::try_from(kind.st_size).unwrap_or_default()
}

/// A path of the folder, with slashes.
fn name_in_sandbox(path: &Path) -> Option<String> {
    let names = path.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(names.collect::<Option<Vec<_>>>()?.join("/"))
}

pub(super) fn unreadable(path: &Path, cause: io::Error) -> Failure {
    Failure::input_output(format!("--files: cannot read {}", path.display()), cause)
}

#[cfg(test)]
mod tests;

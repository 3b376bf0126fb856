//! A folder of this machine as files of a sandbox. It is listed here. The files are read while they are sent.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

use isol8_engine::LocalFile;

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
    let root = folder
        .canonicalize()
        .map_err(|cause| unreadable(folder, cause))?;
    let mut walk = Walk {
        prefix: prefix(&root, workdir),
        root,
        bytes: 0,
        files: Vec::new(),
        console,
    };
    let start = walk.root.clone();
    walk.folder(&start)?;
    Ok(walk.files)
}

/// Where the folder's files go: `/sandbox`, or a folder of the same name there when that is the working
/// directory or has it inside.
fn prefix(root: &Path, workdir: Option<&str>) -> String {
    let name = root.file_name().and_then(|name| name.to_str());
    let inside = workdir.map(|path| {
        let path = path.strip_prefix(SANDBOX).unwrap_or(path);
        path.trim_start_matches(['/', '.']).split('/').next()
    });
    match (name, inside.flatten()) {
        (Some(name), Some(first)) if name == first => format!("{SANDBOX}/{name}"),
        _ => SANDBOX.to_owned(),
    }
}

struct Walk {
    prefix: String,
    root: PathBuf,
    bytes: u64,
    files: Vec<LocalFile>,
    console: Console,
}

impl Walk {
    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))?;
        for entry in entries {
            let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
            let kind = fs::symlink_metadata(&path).map_err(|cause| unreadable(&path, cause))?;
            if kind.is_dir() {
                if !path.file_name().is_some_and(is_skipped) {
                    self.folder(&path)?;
                }
            } else if kind.is_symlink() {
                self.link(&path)?;
            } else if kind.is_file() {
                self.file(&path, path.clone(), kind.len())?;
            } else {
                self.leave_out(&path, "it is no file");
            }
        }
        Ok(())
    }

    /// A link to a file of the folder is a copy of that file.
    fn link(&mut self, path: &Path) -> Result<(), Failure> {
        match path.canonicalize() {
            Ok(target) if !target.starts_with(&self.root) => {
                self.leave_out(path, "it is a link that leaves the folder");
            }
            // Otherwise a project of somebody else could have the credentials in .git/config copied.
            Ok(target) if is_in_skipped(&target, &self.root) => {
                self.leave_out(path, "it is a link into a folder that is left out");
            }
            Ok(target) => match fs::symlink_metadata(&target) {
                Ok(kind) if kind.is_file() => self.file(path, target, kind.len())?,
                Ok(kind) if kind.is_dir() => self.leave_out(path, "it is a link to a folder"),
                _ => self.leave_out(path, "it is a link to what is no file"),
            },
            Err(_) => self.leave_out(path, "it is a link to nothing"),
        }
        Ok(())
    }

    /// Adds the file `source` under the name of `path`.
    fn file(&mut self, path: &Path, source: PathBuf, bytes: u64) -> Result<(), Failure> {
        let Some(name) = name_in_sandbox(path, &self.root) else {
            self.leave_out(path, "its name is not UTF-8");
            return Ok(());
        };
        self.bytes = self.bytes.saturating_add(bytes);
        if self.files.len() >= MAX_FILES || self.bytes > MAX_BYTES {
            return Err(Failure::Usage(format!(
                "--files: {} has more than {MAX_FILES} files or more than {MAX_BYTES} bytes.",
                self.root.display()
            )));
        }
        self.files.push(LocalFile {
            path: format!("{}/{name}", self.prefix),
            source,
            bytes,
        });
        Ok(())
    }

    fn leave_out(&self, path: &Path, reason: &str) {
        self.console
            .warn(&format!("{} is left out: {reason}.", path.display()));
    }
}

fn is_skipped(name: &OsStr) -> bool {
    SKIPPED.iter().any(|skipped| name == *skipped)
}

/// Whether a file below the root is in a folder that is left out.
fn is_in_skipped(file: &Path, root: &Path) -> bool {
    let folder = file.strip_prefix(root).ok().and_then(Path::parent);
    folder.is_some_and(|folder| folder.iter().any(is_skipped))
}

/// The path below the root, with slashes.
fn name_in_sandbox(path: &Path, root: &Path) -> Option<String> {
    let names = path.strip_prefix(root).ok()?.components();
    let names = names.map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(names.collect::<Option<Vec<_>>>()?.join("/"))
}

pub(super) fn unreadable(path: &Path, cause: io::Error) -> Failure {
    Failure::input_output(format!("--files: cannot read {}", path.display()), cause)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_has_its_files_and_nothing_from_elsewhere() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            ("a b.txt", "1"),
            ("src/deep/b.py", "2"),
            (".env", "3"),
            ("node_modules/x/index.js", "no"),
            ("src/__pycache__/b.pyc", "no"),
            (".git/config", "no"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        symlink(outside.path().join("secret"), root.join("out")).unwrap();
        symlink(outside.path(), root.join("out-folder")).unwrap();
        symlink("a b.txt", root.join("in")).unwrap();
        symlink(".git/config", root.join("in-git")).unwrap();
        symlink("node_modules/x/index.js", root.join("in-modules")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        symlink(".", root.join("loop")).unwrap();
        nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let mut files = list(root, None, Console::new(true)).unwrap();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let names: Vec<_> = files.iter().map(|file| &*file.path).collect();
        assert_eq!(
            names,
            [
                "/sandbox/.env",
                "/sandbox/a b.txt",
                "/sandbox/in",
                "/sandbox/src/deep/b.py"
            ]
        );
        // What is read is the file that the link leads to.
        assert_eq!(files[2].source, files[1].source);
        assert_eq!(files[2].bytes, 1);
    }

    #[test]
    fn a_folder_that_is_too_large_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("large")).unwrap();
        file.set_len(MAX_BYTES).unwrap();
        assert!(list(folder.path(), None, Console::new(true)).is_ok());
        fs::write(folder.path().join("more"), "1").unwrap();
        let error = list(folder.path(), None, Console::new(true)).unwrap_err();
        let root = folder.path().canonicalize().unwrap();
        let expected = format!(
            "--files: {} has more than 100000 files or more than 2147483648 bytes.",
            root.display()
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_project_keeps_its_name_when_the_program_works_in_it() {
        let root = Path::new("/home/me/project");
        for (workdir, expected) in [
            (None, "/sandbox"),
            (Some("/sandbox"), "/sandbox"),
            (Some("/sandbox/project"), "/sandbox/project"),
            (Some("/sandbox/project/src"), "/sandbox/project"),
            (Some("project"), "/sandbox/project"),
            (Some("./project/"), "/sandbox/project"),
            (Some("/sandbox/projects"), "/sandbox"),
        ] {
            assert_eq!(prefix(root, workdir), expected, "{workdir:?}");
        }
    }

    #[test]
    fn what_is_no_folder_is_an_error() {
        let error = list(Path::new("no/such"), None, Console::new(true)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--files path is not a directory: no/such"
        );
    }
}

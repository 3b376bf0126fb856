//! A folder of this machine as files of a sandbox.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use isol8_api::request::FileContent;

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

/// Most bytes of all files together: they are held in memory until the sandbox has them.
const MAX_BYTES: u64 = 2 << 30;

/// Most files.
const MAX_FILES: usize = 100_000;

/// The files of `folder` by their paths in a sandbox. Links out of the folder, and what is no file, are left
/// out with a warning.
pub(super) fn collect(
    folder: &Path,
    workdir: Option<&str>,
    console: Console,
) -> Result<BTreeMap<String, FileContent>, Failure> {
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
        files: BTreeMap::new(),
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
    files: BTreeMap<String, FileContent>,
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
                self.file(&path, &path)?;
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
            Ok(target) if target.is_file() => self.file(path, &target)?,
            Ok(_) => self.leave_out(path, "it is a link to a folder"),
            Err(_) => self.leave_out(path, "it is a link to nothing"),
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, target: &Path) -> Result<(), Failure> {
        let Some(name) = name_in_sandbox(path, &self.root) else {
            self.leave_out(path, "its name is not UTF-8");
            return Ok(());
        };
        let content =
            read(target, MAX_BYTES - self.bytes).map_err(|cause| unreadable(path, cause))?;
        self.bytes += content.len() as u64;
        if self.files.len() >= MAX_FILES || self.bytes > MAX_BYTES {
            return Err(Failure::Usage(format!(
                "--files: {} has more than {MAX_FILES} files or more than {MAX_BYTES} bytes.",
                self.root.display()
            )));
        }
        let name = format!("{}/{name}", self.prefix);
        self.files.insert(name, FileContent::Bytes(content));
        Ok(())
    }

    fn leave_out(&self, path: &Path, reason: &str) {
        self.console
            .warn(&format!("{} is left out: {reason}.", path.display()));
    }
}

/// The bytes of a file. Of a larger one than `limit` it is one byte more than that.
fn read(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(file)?
        .take(limit + 1)
        .read_to_end(&mut content)?;
    Ok(content)
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

fn unreadable(path: &Path, cause: io::Error) -> Failure {
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
        let files = collect(root, None, Console::new(true)).unwrap();
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "/sandbox/.env",
                "/sandbox/a b.txt",
                "/sandbox/in",
                "/sandbox/src/deep/b.py"
            ]
        );
        assert_eq!(files["/sandbox/in"].as_bytes(), b"1");
    }

    #[test]
    fn no_more_of_a_file_is_read_than_the_limit_allows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert_eq!(read(&file, 3).unwrap(), b"1234");
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
        let error = collect(Path::new("no/such"), None, Console::new(true)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--files path is not a directory: no/such"
        );
    }
}

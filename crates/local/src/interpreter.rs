//! Where the interpreter of a runtime comes from.

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use isol8_backend::{BackendError, BackendErrorKind};

use crate::{LocalOptions, prefix};

/// The interpreter of each runtime that local sandboxes have.
const PROGRAMS: [(&str, &str); 5] = [
    ("bash", "bash"),
    ("python", "python3"),
    ("node", "node"),
    ("bun", "bun"),
    ("deno", "deno"),
];

/// Where every sandbox shows the system's programs.
const OF_THE_SYSTEM: [&str; 2] = ["/usr/bin", "/bin"];

/// An interpreter that sandboxes can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The name that programs start it by.
    pub name: &'static str,
    /// Its file on this machine, without symbolic links.
    pub program: PathBuf,
    /// The directory that sandboxes show for it beside the system's own, read-only. `None` for an interpreter of the
    /// system.
    pub prefix: Option<PathBuf>,
    /// How it was found.
    pub origin: Origin,
    /// Other interpreters that its programs are started by.
    pub beside: Vec<Interpreter>,
}

/// How an interpreter was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In [`LocalOptions::runtimes_dir`].
    Installed,
    /// In `/usr/bin` or `/bin`.
    System,
    /// In another directory of `PATH`, or where an installer puts it in a home.
    Found,
}

/// Directories in which an interpreter may be that is not the system's: those of `PATH`, and those of installers in the
/// home of this user.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut path: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Some(home) = env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
    {
        path.extend(places_in(&home));
    }
    path
}

/// Where installers put interpreters in a home. They tell a shell of a person about it, and no other program.
fn places_in(home: &Path) -> Vec<PathBuf> {
    let single = [".bun/bin", ".deno/bin"].map(|place| home.join(place));
    let several = [".nvm/versions/node", ".pyenv/versions"];
    let newest = several.iter().filter_map(|place| newest(&home.join(place)));
    single
        .into_iter()
        .chain(newest.map(|version| version.join("bin")))
        .collect()
}

/// The directory with the highest version in its name.
fn newest(versions: &Path) -> Option<PathBuf> {
    let numbers = |path: &PathBuf| -> Vec<u64> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let digits = name.split(|letter: char| !letter.is_ascii_digit());
        digits.filter_map(|part| part.parse().ok()).collect()
    };
    let entries = fs::read_dir(versions).ok()?;
    let all = entries.filter_map(|entry| Some(entry.ok()?.path()));
    all.filter(|path| path.is_dir()).max_by_key(numbers)
}

/// Finds the interpreter of a runtime, also in the directories `path`.
pub(crate) fn find_in(
    runtime: &str,
    options: &LocalOptions,
    path: &[PathBuf],
) -> Result<Interpreter, BackendError> {
    let Some((_, name)) = PROGRAMS.iter().find(|(known, _)| *known == runtime) else {
        return Err(BackendError::new(
            BackendErrorKind::Unsupported,
            format!("Local sandboxes have no runtime {runtime}: that needs Docker."),
        ));
    };
    if let Some(directory) = &options.runtimes_dir {
        let prefix = directory.join(runtime);
        if let Some(program) = program_in(&prefix.join("bin"), name) {
            prefix::check_installed(&prefix).map_err(|reason| unusable(runtime, &reason))?;
            return Ok(Interpreter {
                name,
                program,
                prefix: Some(prefix),
                origin: Origin::Installed,
                beside: Vec::new(),
            });
        }
    }
    for directory in OF_THE_SYSTEM {
        if let Some(program) = program_in(Path::new(directory), name)
            && program.starts_with("/usr")
            && !program.starts_with("/usr/local")
        {
            return Ok(Interpreter {
                name,
                program,
                prefix: None,
                origin: Origin::System,
                beside: Vec::new(),
            });
        }
    }
    let mut refused = None;
    for directory in path {
        let Some(program) = program_in(directory, name) else {
            continue;
        };
        match prefix::of_program(&program) {
            Ok(prefix) => {
                return Ok(Interpreter {
                    name,
                    program,
                    prefix: Some(prefix),
                    origin: Origin::Found,
                    beside: Vec::new(),
                });
            }
            Err(reason) => {
                refused.get_or_insert(reason);
            }
        }
    }
    Err(match refused {
        Some(reason) => unusable(runtime, &reason),
        None => missing(runtime, name),
    })
}

/// The program of this name in a directory: a binary, not a script that chooses one.
fn program_in(directory: &Path, name: &str) -> Option<PathBuf> {
    let program = directory.join(name).canonicalize().ok()?;
    let mut magic = [0; 4];
    fs::File::open(&program).ok()?.read_exact(&mut magic).ok()?;
    (&magic == b"\x7fELF").then_some(program)
}

fn missing(runtime: &str, name: &str) -> BackendError {
    BackendError::new(
        BackendErrorKind::ImageMissing,
        format!(
            "No {name} was found for local sandboxes of the runtime {runtime}: it is neither installed for them, nor \
             in /usr/bin, nor a binary in PATH. {}.",
            remedy(runtime)
        ),
    )
}

/// What was found cannot be shown.
pub(crate) fn unusable(runtime: &str, reason: &str) -> BackendError {
    let remedy = remedy(runtime);
    BackendError::new(
        BackendErrorKind::ImageMissing,
        format!(
            "The interpreter of {runtime} cannot be shown to local sandboxes: {reason}. {remedy}."
        ),
    )
}

/// How local sandboxes get an interpreter.
fn remedy(runtime: &str) -> &'static str {
    match runtime {
        "python" => {
            "Install Python 3 with the package manager of this system: its package has /usr/bin/python3"
        }
        "bash" => {
            "Install Bash with the package manager of this system: its package has /usr/bin/bash"
        }
        _ => "`isol8 setup --backend local` installs it for them",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn options(directory: &Path) -> LocalOptions {
        LocalOptions {
            runtimes_dir: Some(directory.to_owned()),
            ..LocalOptions::default()
        }
    }

    fn put(path: &Path, content: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn an_installed_one_is_preferred_and_one_in_path_comes_last() {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = place.path().canonicalize().unwrap();
        put(&root.join("other/bin/bun"), b"\x7fELF...");
        let path = [root.join("other/bin")];
        let found = find_in("bun", &options(&root.join("none")), &path).unwrap();
        assert_eq!(found.origin, Origin::Found);
        assert_eq!(found.prefix.unwrap(), root.join("other"));
        put(&root.join("bun/bin/bun"), b"\x7fELF...");
        let found = find_in("bun", &options(&root), &path).unwrap();
        assert_eq!(found.origin, Origin::Installed);
        assert_eq!(found.program, root.join("bun/bin/bun"));
    }

    #[test]
    fn in_a_home_the_newest_version_is_found() {
        let home = tempfile::tempdir().unwrap();
        for version in ["v9.11.2", "v22.1.0", "v22.0.9"] {
            put(
                &home
                    .path()
                    .join(format!(".nvm/versions/node/{version}/bin/node")),
                b"\x7fELF",
            );
        }
        let places = places_in(home.path());
        let expected = [".bun/bin", ".deno/bin", ".nvm/versions/node/v22.1.0/bin"];
        assert_eq!(places, expected.map(|place| home.path().join(place)));
    }

    #[test]
    fn scripts_are_no_interpreters_and_the_error_says_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        put(&place.path().join("deno"), b"#!/bin/sh\nexec deno\n");
        let path = [place.path().to_owned()];
        let error = find_in("deno", &LocalOptions::default(), &path).unwrap_err();
        assert_eq!(error.kind, BackendErrorKind::ImageMissing);
        assert!(
            error.message.contains("isol8 setup --backend local"),
            "{error}"
        );
        let error = find_in("ruby", &LocalOptions::default(), &path).unwrap_err();
        assert!(error.message.contains("needs Docker"), "{error}");
    }

    #[test]
    fn an_installed_one_with_a_link_to_the_outside_is_refused() {
        let place = tempfile::tempdir().unwrap();
        put(&place.path().join("bun/bin/bun"), b"\x7fELF...");
        symlink("/etc", place.path().join("bun/lib")).unwrap();
        let error = find_in("bun", &options(place.path()), &[]).unwrap_err();
        assert!(error.message.contains("/etc"), "{error}");
    }
}

//! Which directories may be shown to sandboxes for the sake of an interpreter.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;

/// Directories that are never shown, nor what is in them, nor a directory that contains one of them.
const PRIVATE: [&str; 9] = [
    "/etc", "/var", "/run", "/srv", "/mnt", "/boot", "/dev", "/proc", "/sys",
];

/// The home of root, and the directory of other homes. An interpreter may lie in one.
const ROOT_HOME: &str = "/root";
const HOMES: &str = "/home";

/// Directories that are too much to show for one interpreter, as they are.
const TOO_MUCH: [&str; 4] = ["/", "/opt", "/usr", "/tmp"];

/// Most files that an interpreter's directory may have, so that looking at them has an end.
const MAX_FILES: usize = 200_000;

/// The prefix of the interpreter `program`, if it may be shown: the directory above its `bin`. The error is the reason
/// why not.
pub(crate) fn of_program(program: &Path) -> Result<PathBuf, String> {
    let bin = program.parent().filter(|parent| parent.ends_with("bin"));
    let Some(prefix) = bin.and_then(Path::parent) else {
        return Err(format!("{} is in no directory `bin`", program.display()));
    };
    check(prefix)?;
    for part in shown_parts(prefix) {
        check_tree(&part, prefix, false)?;
    }
    Ok(prefix.to_owned())
}

/// The directories of a prefix that are shown: of one in a home those that every interpreter needs.
pub(crate) fn shown_parts(prefix: &Path) -> Vec<PathBuf> {
    let parts: &[&str] = if homes().any(|home| prefix.starts_with(home)) {
        &["bin", "lib"]
    } else {
        &["bin", "lib", "lib64", "include", "share"]
    };
    let parts = parts.iter().map(|part| prefix.join(part));
    parts
        .filter(|part| part.is_dir() && !part.is_symlink())
        .collect()
}

/// Checks a directory that was filled for sandboxes. It is shown at another path, so that it must be complete.
pub(crate) fn check_installed(prefix: &Path) -> Result<(), String> {
    check_tree(prefix, prefix, true)
}

/// The homes that are known: root's, that of this user, and the directory of the others.
fn homes() -> impl Iterator<Item = PathBuf> {
    let own = env::var_os("HOME").map(PathBuf::from);
    let own = own.filter(|home| home.is_absolute() && home.parent().is_some());
    [ROOT_HOME, HOMES].into_iter().map(PathBuf::from).chain(own)
}

fn check(prefix: &Path) -> Result<(), String> {
    let refused = |what: &str, directory: &Path| {
        let (prefix, directory) = (prefix.display(), directory.display());
        Err(format!(
            "it is in {prefix}, which is or {what}contains {directory}"
        ))
    };
    for directory in PRIVATE.iter().map(Path::new) {
        if prefix.starts_with(directory) || directory.starts_with(prefix) {
            return refused("is in or ", directory);
        }
    }
    for home in homes() {
        if home.starts_with(prefix) || prefix.parent() == Some(Path::new(HOMES)) {
            return refused("", &home);
        }
    }
    if TOO_MUCH
        .iter()
        .any(|directory| prefix == Path::new(directory))
    {
        return Err(format!("{} is not its own", prefix.display()));
    }
    Ok(())
}

/// Checks that everybody may read what is in a directory and, with `complete`, that no link leads out of `prefix`.
fn check_tree(directory: &Path, prefix: &Path, complete: bool) -> Result<(), String> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        format!("{} cannot be read: {error}", path.display())
    };
    let mut pending = vec![directory.to_owned()];
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        seen += 1;
        if seen > MAX_FILES {
            return Err(format!("{} has too many files", prefix.display()));
        }
        let found = path
            .symlink_metadata()
            .map_err(|error| failed(&path, &error))?;
        if found.is_symlink() {
            if complete && let Ok(target) = path.canonicalize() {
                let own = prefix
                    .canonicalize()
                    .map_err(|error| failed(prefix, &error))?;
                if !target.starts_with(own) {
                    return Err(format!(
                        "{} leads to {}, which sandboxes do not have",
                        path.display(),
                        target.display()
                    ));
                }
            }
            continue;
        }
        if !is_public(&found) {
            return Err(format!("{} is not for everybody to read", path.display()));
        }
        if found.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| failed(&path, &error))?;
            pending.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
        }
    }
    Ok(())
}

/// Whether everybody may read a file, or read and enter a directory.
#[cfg(unix)]
fn is_public(found: &fs::Metadata) -> bool {
    let needed = if found.is_dir() { 0o005 } else { 0o004 };
    found.mode() & needed == needed
}

#[cfg(not(unix))]
fn is_public(_found: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn private_places_and_what_contains_them_are_refused() {
        for refused in [
            "/root/bin/python3",
            "/home/bin/node",
            "/home/somebody/bin/bun",
            "/var/tools/bin/node",
            "/etc/bin/node",
            "/bin/node",
            "/usr/bin/node",
            "/opt/bin/node",
            "/opt/node/node",
        ] {
            assert!(of_program(Path::new(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn of_a_prefix_in_a_home_two_directories_are_shown() {
        // No test makes files in a home: where nothing is, nothing is shown.
        let tools = Path::new("/home/somebody/.isol8-test");
        assert_eq!(of_program(&tools.join("bin/bun")).unwrap(), tools);
        let place = tempfile::tempdir().unwrap();
        for part in ["bin", "lib", "share"] {
            fs::create_dir(place.path().join(part)).unwrap();
        }
        assert_eq!(shown_parts(place.path()).len(), 3);
    }

    #[test]
    fn one_private_file_is_enough_to_refuse() {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("it/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("node"), "x").unwrap();
        assert_eq!(
            of_program(&bin.join("node")).unwrap(),
            place.path().join("it")
        );
        fs::write(bin.join("key"), "x").unwrap();
        fs::set_permissions(bin.join("key"), fs::Permissions::from_mode(0o640)).unwrap();
        let reason = of_program(&bin.join("node")).unwrap_err();
        assert!(reason.contains("bin/key is not for everybody"), "{reason}");
    }
}

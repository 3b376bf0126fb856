//! Files that are copied out of the sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::super::save::save;
use crate::{failure::Failure, settings::Output};

/// The flag that asks for the files.
const OPTION: &str = "--output-path";

/// Refuses destinations that cannot be written, before anything runs. Those that are there already are refused,
/// too, unless `force` is set.
pub(super) fn check(outputs: &[Output], force: bool) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for Output { destination, .. } in outputs {
        if !seen.insert(destination) {
            return Err(refused(destination, "is the place of two files."));
        }
        match destination.symlink_metadata() {
            Ok(_) if !force => return Err(exists(destination)),
            Ok(there) if there.is_symlink() => {
                let text = "is a link. Remove it, or name the file that it leads to.";
                return Err(refused(destination, text));
            }
            Ok(_) => {}
            Err(_) => {
                let folder = destination.parent().unwrap_or(Path::new(""));
                if !folder.as_os_str().is_empty() && !folder.is_dir() {
                    let is_there = folder.symlink_metadata().is_ok();
                    let reason = if is_there {
                        "is no folder."
                    } else {
                        "is not there. Make that folder first."
                    };
                    return Err(refused(folder, reason));
                }
            }
        }
    }
    Ok(())
}

/// Writes the files. The first that cannot be written is the error; those before it are there.
pub(super) fn write(
    outputs: &[Output],
    files: &BTreeMap<String, String>,
    force: bool,
) -> Result<(), Failure> {
    for Output {
        source,
        destination,
    } in outputs
    {
        if let Some(encoded) = files.get(source) {
            save(OPTION, destination, &decoded(source, encoded)?, force)?;
            continue;
        }
        let folder = format!("{source}/");
        let below = files
            .range(folder.clone()..)
            .map_while(|(path, encoded)| Some((path.strip_prefix(&folder)?, encoded)));
        let mut is_empty = true;
        for (path, encoded) in below {
            is_empty = false;
            let place = place(destination, path)?;
            save(OPTION, &place, &decoded(path, encoded)?, force)?;
        }
        if is_empty {
            return Err(Failure::NoOutput {
                path: source.clone(),
                destination: destination.clone(),
            });
        }
    }
    Ok(())
}

fn decoded(path: &str, encoded: &str) -> Result<Vec<u8>, Failure> {
    let decoded = BASE64.decode(encoded);
    decoded.map_err(|error| Failure::Usage(format!("{path}: {error}")))
}

/// Where a file of a folder goes: below `destination`, whatever the path is. Its folders are made. Those that are there
/// are used when they are no links.
fn place(destination: &Path, path: &str) -> Result<PathBuf, Failure> {
    let mut place = destination.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        match fs::create_dir(&place) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                let there = place.symlink_metadata();
                if !there.is_ok_and(|there| there.is_dir()) {
                    return Err(refused(&place, "is there already, and is no folder."));
                }
            }
            made => made.map_err(|cause| {
                let what = format!("{OPTION}: cannot make {}", place.display());
                Failure::input_output(what, cause)
            })?,
        }
        if matches!(part, "" | "." | "..") {
            return Err(refused(
                destination,
                "does not get a file with such a path.",
            ));
        }
        place.push(part);
        if parts.peek().is_none() {
            break;
        }
    }
    Ok(place)
}

fn exists(destination: &Path) -> Failure {
    refused(destination, "is there already. Use --force to replace it.")
}

fn refused(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!("{OPTION}: {} {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_stays_in_its_place() {
        let there = tempfile::tempdir().unwrap();
        let (folder, elsewhere) = (there.path().join("out"), there.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        let files = |path: &str| [(format!("/sandbox/out/{path}"), "eA==".to_owned())].into();
        let outputs = [Output {
            source: "/sandbox/out".to_owned(),
            destination: folder.clone(),
        }];
        for (path, force) in [("a/b.txt", false), ("a/c.txt", false), ("a/b.txt", true)] {
            write(&outputs, &files(path), force).unwrap();
            assert_eq!(fs::read(folder.join(path)).unwrap(), b"x");
        }
        symlink(&elsewhere, folder.join("link")).unwrap();
        for (path, force) in [
            ("a/b.txt", false),
            ("link/d.txt", true),
            ("../elsewhere/d.txt", true),
            ("a/../../elsewhere/d.txt", true),
            ("./d.txt", true),
            ("a//d.txt", true),
        ] {
            let written = write(&outputs, &files(path), force);
            assert!(written.is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        let none = write(&outputs, &BTreeMap::new(), false).unwrap_err();
        assert!(matches!(none, Failure::NoOutput { .. }), "{none}");
    }
}

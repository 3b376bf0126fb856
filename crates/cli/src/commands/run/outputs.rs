//! Files that are copied out of the sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use nix::fcntl::OFlag;

use crate::{failure::Failure, settings::Output};

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
            Ok(there) if there.is_dir() => return Err(refused(destination, "is a folder.")),
            Ok(_) => {}
            Err(_) => {
                let folder = destination.parent().unwrap_or(Path::new(""));
                if !folder.as_os_str().is_empty() && !folder.is_dir() {
                    return Err(refused(folder, "is no folder."));
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
        let encoded = files.get(source).ok_or_else(|| Failure::NoOutput {
            path: source.clone(),
            destination: destination.clone(),
        })?;
        let bytes = BASE64
            .decode(encoded)
            .map_err(|error| Failure::Usage(format!("{source}: {error}")))?;
        save(destination, &bytes, force)?;
    }
    Ok(())
}

/// Never writes into a file that is there, unless `force` is set. Never follows a link: the owner of the working
/// directory may be another than the user, and the bytes are those of a program that nobody trusts.
fn save(destination: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options
            .create(true)
            .truncate(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits());
    } else {
        options.create_new(true);
    }
    match options
        .open(destination)
        .and_then(|mut file| file.write_all(bytes))
    {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(destination)),
        Err(cause) => Err(Failure::input_output(
            format!("--output-path: cannot write {}", destination.display()),
            cause,
        )),
    }
}

fn exists(destination: &Path) -> Failure {
    refused(destination, "is there already. Use --force to replace it.")
}

fn refused(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!("--output-path: {} {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "kept").unwrap();
        symlink(&file, &link).unwrap();
        for force in [false, true] {
            assert!(save(&link, b"new", force).is_err());
        }
        assert_eq!(fs::read(&file).unwrap(), b"kept");
        save(&file, b"new", true).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }
}

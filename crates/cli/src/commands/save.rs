//! Files of a sandbox, written on this machine.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use nix::fcntl::OFlag;

use crate::failure::Failure;

/// Writes a file. `option` is what named it, for the error.
///
/// Never writes into a file that is there, unless `force` is set. Never follows a link: the owner of the working
/// directory may be another than the user, and the bytes are those of a program that nobody trusts.
pub(super) fn save(
    option: &str,
    destination: &Path,
    bytes: &[u8],
    force: bool,
) -> Result<(), Failure> {
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
    let name = destination.display();
    match options
        .open(destination)
        .and_then(|mut file| file.write_all(bytes))
    {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::Usage(
            format!("{option}: {name} is there already."),
        )),
        Err(cause) => Err(Failure::input_output(
            format!("{option}: cannot write {name}"),
            cause,
        )),
    }
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
            assert!(save("--to", &link, b"new", force).is_err());
        }
        let error = save("--to", &file, b"new", false).unwrap_err().to_string();
        assert!(error.ends_with("is there already."), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"kept");
        save("--to", &file, b"new", true).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }
}

//! From a tarball to files. A tarball that has the pinned digest is still not trusted with paths or sizes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Component, Path},
};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};
use tokio_util::sync::CancellationToken;

use crate::{InstallError, recipe::Part};

/// Most bytes that a tarball has when it is unpacked: 1 GiB.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

/// Mode of a program and of a folder: sandboxes have other users than the cache directory.
const PROGRAM: u32 = 0o755;

/// Mode of any other file.
const PLAIN: u32 = 0o644;

/// Unpacks what `part` takes from `tarball`, whose name is `name`, into the folder `prefix`. Blocks. Ends early when
/// `cancel` is cancelled.
pub(crate) fn unpack(
    tarball: File,
    name: &'static str,
    part: &Part,
    prefix: &Path,
    cancel: &CancellationToken,
) -> Result<(), InstallError> {
    let wrong = |reason: String| InstallError::Unpack {
        tarball: name,
        reason,
    };
    let broken = |error: io::Error| wrong(error.to_string());
    let mut archive = Archive::new(GzDecoder::new(tarball).take(MAX_UNPACKED_BYTES));
    for entry in archive.entries().map_err(broken)? {
        if cancel.is_cancelled() {
            return Err(InstallError::Cancelled);
        }
        let mut entry = entry.map_err(broken)?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            other => return Err(wrong(format!("it has an entry of the type {other:?}"))),
        }
        let path = entry.path().map_err(broken)?.into_owned();
        let Some(place) = inside(&path).and_then(|path| part.place(path)) else {
            if inside(&path).is_none() {
                return Err(wrong(format!("it has the path {}", path.display())));
            }
            continue;
        };
        let is_program =
            entry.header().mode().map_err(broken)? & 0o111 != 0 || part.is_program(&place);
        let mode = if is_program { PROGRAM } else { PLAIN };
        let to = prefix.join(place);
        write(&mut entry, &to, mode).map_err(|cause| InstallError::write(to, cause))?;
    }
    Ok(())
}

/// A path without the folder that every npm tarball has at its top; `None` when it leads elsewhere.
fn inside(path: &Path) -> Option<&str> {
    let mut parts = path.components();
    matches!(parts.next()?, Component::Normal(_)).then_some(())?;
    let rest = parts.as_path();
    let plain = rest
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    rest.to_str().filter(|text| plain && !text.is_empty())
}

fn write(from: &mut impl io::Read, to: &Path, mode: u32) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    // Some tarballs have a file twice. The last one counts, as with npm.
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(to)?;
    io::copy(from, &mut file)?;
    // Whatever the mask of this process takes away.
    set_mode(&file, mode)
}

/// Makes a folder that every user may enter, and the folders above it.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    match fs::DirBuilder::new().mode(PROGRAM).create(folder) {
        // Another tarball is unpacked at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    set_mode(&File::open(folder)?, PROGRAM)
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipes::recipe;

    /// A tarball with these entries: path, type, mode.
    fn tarball(entries: &[(&str, EntryType, u32)]) -> File {
        let file = tempfile::tempfile().unwrap();
        let gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        for (path, kind, mode) in entries {
            let mut header = tar::Header::new_ustar();
            // Paths as an attacker would write them, which the library would refuse to write.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(if kind.is_file() { 4 } else { 0 });
            header.set_cksum();
            let content: &[u8] = if kind.is_file() { b"text" } else { b"" };
            archive.append(&header, content).unwrap();
        }
        let mut file = archive.into_inner().unwrap().finish().unwrap();
        io::Seek::rewind(&mut file).unwrap();
        file
    }

    fn unpacked(entries: &[(&str, EntryType, u32)]) -> (tempfile::TempDir, Result<(), String>) {
        let folder = tempfile::tempdir().unwrap();
        let part = &recipe("node").unwrap().parts[1];
        let token = CancellationToken::new();
        let outcome = unpack(tarball(entries), "t.tgz", part, folder.path(), &token);
        (folder, outcome.map_err(|error| error.to_string()))
    }

    #[test]
    fn files_have_modes_that_a_sandbox_can_use() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, outcome) = unpacked(&[
            ("package/", EntryType::Directory, 0o700),
            ("package/bin/npm-cli.js", EntryType::Regular, 0o600),
            ("package/lib/npm.js", EntryType::Regular, 0o600),
            ("package/docs/x", EntryType::Regular, 0o644),
        ]);
        assert_eq!(outcome, Ok(()));
        let npm = folder.path().join("lib/node_modules/npm");
        let mode = |path: &str| npm.join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("bin/npm-cli.js"), 0o755);
        assert_eq!(mode("lib/npm.js"), 0o644);
        assert_eq!(mode("lib"), 0o755);
        assert!(!npm.join("docs").exists());
    }

    #[test]
    fn a_path_or_an_entry_that_leads_elsewhere_is_refused() {
        for entry in [
            ("package/../../evil", EntryType::Regular, 0o644),
            ("/etc/evil", EntryType::Regular, 0o644),
            ("package/link", EntryType::Symlink, 0o777),
            ("package/link", EntryType::Link, 0o777),
            ("package/device", EntryType::Char, 0o666),
        ] {
            let (folder, outcome) = unpacked(&[entry]);
            let error = outcome.unwrap_err();
            assert!(error.starts_with("t.tgz cannot be unpacked: "), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{entry:?}");
        }
    }

    #[test]
    fn of_a_file_that_is_there_twice_the_last_one_counts() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, outcome) = unpacked(&[
            ("package/./lib/npm.js", EntryType::Regular, 0o755),
            ("package/lib/npm.js", EntryType::Regular, 0o644),
        ]);
        assert_eq!(outcome, Ok(()));
        let file = folder.path().join("lib/node_modules/npm/lib/npm.js");
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }

    #[test]
    fn a_cancelled_one_ends_early() {
        let folder = tempfile::tempdir().unwrap();
        let part = &recipe("node").unwrap().parts[1];
        let token = CancellationToken::new();
        token.cancel();
        let tarball = tarball(&[("package/a", EntryType::Regular, 0o644)]);
        let outcome = unpack(tarball, "t.tgz", part, folder.path(), &token);
        assert!(matches!(outcome, Err(InstallError::Cancelled)));
    }
}

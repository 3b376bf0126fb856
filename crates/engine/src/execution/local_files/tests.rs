use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};

use super::*;
use crate::submission::LocalFolder;

fn local(source: &Path, bytes: u64) -> LocalFile {
    LocalFile {
        path: "/sandbox/x".to_owned(),
        folder: Arc::new(LocalFolder::open(source.parent().unwrap().to_owned()).unwrap()),
        source: source.file_name().unwrap().into(),
        bytes,
    }
}

/// What is read of a file of which this many bytes are wanted, or why it is not.
fn read(source: &Path, bytes: u64) -> Result<Vec<u8>, String> {
    let (sender, mut receiver) = mpsc::channel(WAITING_FILES);
    let files = vec![local(source, bytes)];
    let reader = std::thread::spawn(move || read_all(files, &sender).is_ok());
    let mut all = Vec::new();
    while let Some(next) = receiver.blocking_recv() {
        match next.map_err(|error| error.to_string())? {
            Contents::Small(file) => all.extend(file.data),
            Contents::Large { mut parts, .. } => {
                while let Some(part) = parts.blocking_recv() {
                    all.extend(part.map_err(|error| error.to_string())?);
                }
            }
        }
    }
    assert!(reader.join().unwrap());
    Ok(all)
}

#[test]
fn a_file_has_the_bytes_that_it_had_when_it_was_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for length in [0, 5, MAX_INLINE_BYTES, 3 * PART_BYTES + 1] {
        let contents: Vec<u8> = (0..=250).cycle().take(length + 9).collect();
        fs::write(&file, &contents).unwrap();
        // It has grown by nine bytes.
        let got = read(&file, length as u64).unwrap();
        assert!(got == contents[..length], "{length}");
    }
}

#[test]
fn a_file_that_has_changed_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("short"), "1234").unwrap();
    symlink("short", path("link")).unwrap();
    fs::create_dir(path("folder")).unwrap();
    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    for bytes in [5, 10_000_000] {
        for (name, reason) in [
            ("short", "it has become shorter meanwhile"),
            ("none", "No such file or directory"),
            ("link", "Too many levels of symbolic links"),
            ("folder", "it is no file any more"),
            ("fifo", "it is no file any more"),
        ] {
            let error = read(&path(name), bytes).unwrap_err();
            let expected = format!("Cannot read {}: {reason}", path(name).display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn reading_ends_when_nobody_wants_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, vec![0; 10 * PART_BYTES]).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let files = vec![local(&file, 10 * PART_BYTES as u64)];
    let reader = std::thread::spawn(move || read_all(files, &sender).is_err());
    let Some(Ok(Contents::Large { parts, .. })) = receiver.blocking_recv() else {
        panic!("no file");
    };
    drop(parts);
    assert!(reader.join().unwrap());
}

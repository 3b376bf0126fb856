//! The files of a folder for a server: they are a part of the request.

use std::collections::BTreeMap;

use isol8_api::request::FileContent;
use isol8_engine::LocalFile;

use super::files::unreadable;
use crate::failure::Failure;

/// Most bytes of all files together. A server takes 128 MiB of JSON, in which four characters stand for three bytes.
const MAX_BYTES: u64 = 90 << 20;

/// The contents of files by their paths in a sandbox.
pub(super) fn read(files: Vec<LocalFile>) -> Result<BTreeMap<String, FileContent>, Failure> {
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    if bytes > MAX_BYTES {
        return Err(Failure::Usage(format!(
            "--files: the folder has {bytes} bytes, and a request to a server may have {MAX_BYTES}. \
             Leave out what the program does not need."
        )));
    }
    files
        .into_iter()
        .map(|file| {
            let contents = file.read();
            let contents = contents.map_err(|cause| unreadable(&file.full_source(), cause))?;
            Ok((file.path, FileContent::Bytes(contents)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::symlink,
        sync::Arc,
    };

    use isol8_engine::LocalFolder;

    use super::*;

    fn file(name: &str, bytes: u64) -> (tempfile::TempDir, LocalFile) {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join(name);
        File::create(&source).unwrap().set_len(bytes).unwrap();
        let file = LocalFile {
            path: format!("/sandbox/{name}"),
            folder: Arc::new(LocalFolder::open(folder.path().to_owned()).unwrap()),
            source: name.into(),
            bytes,
        };
        (folder, file)
    }

    #[test]
    fn a_request_has_what_a_server_takes() {
        let (_folder, small) = file("small", 3);
        let read_files = read(vec![small.clone()]).unwrap();
        assert_eq!(read_files["/sandbox/small"].as_bytes(), [0; 3]);

        let (_other, large) = file("large", MAX_BYTES);
        let error = read(vec![small.clone(), large]).unwrap_err().to_string();
        assert_eq!(
            error,
            "--files: the folder has 94371843 bytes, and a request to a server may have 94371840. \
             Leave out what the program does not need."
        );

        fs::remove_file(small.full_source()).unwrap();
        let error = read(vec![small]).unwrap_err().to_string();
        assert!(
            error.contains("cannot read") && error.contains("small"),
            "{error}"
        );
    }
    #[test]
    fn a_file_that_has_changed_since_the_listing_is_not_sent() {
        let (_folder, file) = file("a", 3);
        let source = file.full_source();
        let error = || read(vec![file.clone()]).unwrap_err().to_string();
        fs::write(&source, "1").unwrap();
        assert!(error().contains("it has become shorter"), "{}", error());

        fs::remove_file(&source).unwrap();
        symlink("/etc/hostname", &source).unwrap();
        assert!(error().contains("symbolic link"), "{}", error());

        fs::remove_file(&source).unwrap();
        nix::unistd::mkfifo(&source, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(error().contains("it is no file any more"), "{}", error());
    }
}

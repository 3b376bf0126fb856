//! The guest's files beside its program, as the host hands them over.

use std::{
    fs::File,
    io::Write as _,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
};

use super::failure::{Failure, Trying};

/// How many bytes are copied at once. The first use of each page of a buffer costs more than a copy of it.
const CHUNK_BYTES: usize = 32 * 1024;

/// Files whose contents lie one after the other. Others may read the same descriptor at the same time.
pub(crate) struct Files {
    contents: File,
    /// The path and the length of each.
    lengths: Vec<(String, u64)>,
}

impl Files {
    pub(crate) fn new(lengths: Vec<(String, u64)>, contents: OwnedFd) -> Self {
        Self {
            contents: contents.into(),
            lengths,
        }
    }

    /// Copies each into the file that `make` makes for its path.
    pub(crate) fn copy(&self, make: impl Fn(&str) -> Result<File, Failure>) -> Result<(), Failure> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = 0;
        for (path, length) in &self.lengths {
            let mut target = make(path)?;
            let end = at + length;
            while at < end {
                let left = usize::try_from(end - at).unwrap_or(CHUNK_BYTES);
                let part = &mut chunk[..left.min(CHUNK_BYTES)];
                let done = self.contents.read_exact_at(part, at);
                done.trying(format_args!("read the guest's file {path}"))?;
                let done = target.write_all(part);
                done.trying(format_args!("write the guest's file {path}"))?;
                at += part.len() as u64;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file with these bytes, as the host hands it over.
    fn contents(bytes: &[u8]) -> OwnedFd {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.into()
    }

    #[test]
    fn files_are_told_apart_by_their_lengths_and_a_missing_part_is_a_failure() {
        let place = tempfile::tempdir().unwrap();
        let make = |path: &str| File::create(place.path().join(path)).trying("make a file");
        let found = |path: &str| fs::read(place.path().join(path)).unwrap();
        let long: Vec<u8> = (0..=250).cycle().take(3 * CHUNK_BYTES + 5).collect();
        let all = [b"one", long.as_slice(), b"two!"].concat();
        let named = |last| {
            let lengths = [("a", 3), ("b", long.len() as u64), ("none", 0), ("c", last)];
            lengths
                .map(|(path, length)| (path.to_owned(), length))
                .to_vec()
        };
        Files::new(named(4), contents(&all)).copy(make).unwrap();
        assert_eq!(found("a"), b"one");
        assert!(found("b") == long);
        assert_eq!(found("none"), b"");
        assert_eq!(found("c"), b"two!");
        let failure = Files::new(named(5), contents(&all)).copy(make).unwrap_err();
        assert!(failure.to_string().contains("file c"), "{failure}");
    }
}

//! The guest's files beside its program, as the host hands them over.

use std::{
    fs::File,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
};

use super::failure::{Failure, Trying};

/// Reads files whose contents lie one after the other. Others may read the same descriptor at the same time.
pub(crate) fn read(
    lengths: Vec<(String, u64)>,
    contents: OwnedFd,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let contents = File::from(contents);
    let mut at = 0;
    let mut read_one = |path: String, length: u64| {
        let size = usize::try_from(length);
        let mut content = vec![0; size.map_err(|_| Failure::new("a file that is too long"))?];
        let done = contents.read_exact_at(&mut content, at);
        done.trying(format_args!("read the guest's file {path}"))?;
        at += length;
        Ok((path, content))
    };
    let files = lengths.into_iter();
    files.map(|(path, length)| read_one(path, length)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn named(lengths: [(&str, u64); 2]) -> Vec<(String, u64)> {
        lengths
            .map(|(path, length)| (path.to_owned(), length))
            .to_vec()
    }

    #[test]
    fn files_are_told_apart_by_their_lengths_and_a_missing_part_is_a_failure() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"onetwo!").unwrap();
        let handed_over = || OwnedFd::from(file.try_clone().unwrap());
        let found = read(named([("a", 3), ("b/c", 4)]), handed_over()).unwrap();
        let expected = [("a", b"one".to_vec()), ("b/c", b"two!".to_vec())];
        assert_eq!(
            found,
            expected.map(|(path, bytes)| (path.to_owned(), bytes))
        );
        let failure = read(named([("a", 3), ("b/c", 5)]), handed_over()).unwrap_err();
        assert!(failure.to_string().contains("b/c"), "{failure}");
    }
}

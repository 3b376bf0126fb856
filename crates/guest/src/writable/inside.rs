//! Volumes inside other writable places.
//!
//! A mount cannot be removed or renamed. So whoever empties the outer place passes over the inner one, which is
//! emptied by itself. This holds only where no directory is between the two: a program could rename that one.

use std::{ffi::CString, path::Path};

/// The names of the `volumes` that lie directly in the directory `place`.
pub(crate) fn names<'a>(place: &str, volumes: impl IntoIterator<Item = &'a str>) -> Vec<CString> {
    let volumes = volumes.into_iter().map(Path::new);
    let inside = volumes.filter(|volume| volume.parent() == Some(Path::new(place)));
    inside
        .filter_map(|volume| CString::new(volume.file_name()?.as_encoded_bytes()).ok())
        .collect()
}

/// Whether every directory between `volume` and the outermost of the `places` around it is one of them. Programs could
/// rename any other.
pub(crate) fn is_fixed(volume: &str, places: &[&str]) -> bool {
    let volume = Path::new(volume);
    let is_around = |place: &&str| volume != Path::new(place) && volume.starts_with(place);
    let is_parent = |place: &&str| volume.parent() == Some(Path::new(place));
    !places.iter().any(is_around) || places.iter().any(is_parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_direct_entries_of_a_place_are_named() {
        let volumes = ["/a/b", "/a/b/c", "/ab", "/a/d e"];
        assert_eq!(names("/a", volumes), [c"b".to_owned(), c"d e".to_owned()]);
        assert_eq!(names("/a/b", volumes), [c"c".to_owned()]);
        assert!(names("/x", volumes).is_empty());
    }

    #[test]
    fn a_volume_is_fixed_when_all_directories_above_it_are_places_or_the_root() {
        let places = ["/sandbox", "/a", "/a/b", "/a/b/c", "/a/x/y", "/sandbox/x/y"];
        let fixed = places.map(|place| is_fixed(place, &places));
        assert_eq!(fixed, [true, true, true, true, false, false]);
    }
}

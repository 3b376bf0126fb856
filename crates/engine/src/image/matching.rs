//! Which of the custom images serves a request.

use std::cmp::Reverse;

use isol8_backend::ImageInfo;

/// Of `images`, the one for `runtime` that has all of `wanted` (sorted) and the fewest others; of
/// several such the newest.
pub(super) fn best_match<'a>(
    images: impl IntoIterator<Item = &'a ImageInfo>,
    runtime: &str,
    wanted: &[String],
) -> Option<&'a ImageInfo> {
    images
        .into_iter()
        .filter(|image| image.facts.runtime == runtime && image.facts.has(wanted))
        .min_by_key(|image| (image.facts.packages.len(), Reverse(image.created)))
}

#[cfg(test)]
mod tests {
    use isol8_backend::ImageFacts;

    use super::*;

    #[test]
    fn exact_matches_come_before_supersets_and_newer_ones_before_older() {
        let info = |tag: &str, runtime: &str, packages: &[&str], created| ImageInfo {
            tag: tag.to_owned(),
            id: String::new(),
            facts: ImageFacts {
                runtime: runtime.to_owned(),
                packages: packages.iter().map(|&name| name.to_owned()).collect(),
                setup_script: None,
            },
            built_here: true,
            created,
            size: 0,
        };
        let images = [
            info("large", "python", &["a", "b", "c"], 9),
            info("old", "python", &["a", "b"], 1),
            info("new", "python", &["a", "b"], 2),
            info("other", "node", &["a"], 3),
        ];
        let best = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            best_match(&images, "python", &wanted).map(|image| image.tag.as_str())
        };
        assert_eq!(best(&["a", "b"]), Some("new"));
        assert_eq!(best(&["a"]), Some("new"));
        assert_eq!(best(&["c"]), Some("large"));
        assert_eq!(best(&["a", "d"]), None);
    }
}

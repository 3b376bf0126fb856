//! Whose labels are believed: those of images that this user has built, and of images that the operator names.

use std::collections::BTreeSet;

use isol8_backend::ImageInfo;

use super::best_match;
use crate::notice;

/// Most images that are warned of.
const MAX_WARNINGS: usize = 64;

/// The images whose labels are believed, beside those that were built here.
#[derive(Debug, Default)]
pub(crate) struct TrustedImages {
    /// Names with a tag, and ids.
    names: BTreeSet<String>,
}

impl TrustedImages {
    /// The images with these names or ids. A name without a tag means `latest`, as everywhere.
    pub(crate) fn named(names: &[String]) -> Self {
        Self {
            names: names.iter().map(|name| with_tag(name.trim())).collect(),
        }
    }

    fn believes(&self, image: &ImageInfo) -> bool {
        image.built_here || self.names.contains(&image.tag) || self.names.contains(&image.id)
    }

    /// The [best match](best_match) among the images that are believed. Another image that would be a better one is
    /// left out, with a warning unless its id is in `warned`.
    pub(crate) fn best_match<'a>(
        &self,
        images: &'a [ImageInfo],
        runtime: &str,
        wanted: &[String],
        warned: &mut BTreeSet<String>,
    ) -> Option<&'a ImageInfo> {
        let best = best_match(images, runtime, wanted)?;
        if self.believes(best) {
            return Some(best);
        }
        if warned.len() < MAX_WARNINGS && warned.insert(best.id.clone()) {
            notice::of_untrusted_image(&best.tag);
        }
        best_match(
            images.iter().filter(|image| self.believes(image)),
            runtime,
            wanted,
        )
    }
}

/// A name as the daemon lists it. A colon before the last `/` begins a port.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

#[cfg(test)]
mod tests {
    use isol8_backend::ImageFacts;

    use super::*;

    fn image(tag: &str, packages: &[&str], built_here: bool) -> ImageInfo {
        ImageInfo {
            tag: tag.to_owned(),
            id: format!("sha256:{tag}"),
            facts: ImageFacts {
                runtime: "python".to_owned(),
                packages: packages.iter().map(|&name| name.to_owned()).collect(),
                setup_script: None,
            },
            built_here,
            created: 0,
            size: 0,
        }
    }

    #[test]
    fn a_better_image_of_a_stranger_is_left_out_with_one_warning() {
        let images = [
            image("strange:latest", &["a"], false),
            image("mine:1", &["a", "b"], true),
        ];
        let wanted = ["a".to_owned()];
        let find = |names: &[&str], warned: &mut BTreeSet<String>| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let trusted = TrustedImages::named(&names);
            let best = trusted.best_match(&images, "python", &wanted, warned);
            best.map(|image| image.tag.clone())
        };
        let mut warned = BTreeSet::new();
        for _ in 0..2 {
            assert_eq!(find(&[], &mut warned).as_deref(), Some("mine:1"));
            assert_eq!(warned, BTreeSet::from(["sha256:strange:latest".to_owned()]));
        }
        for name in ["strange", " strange:latest", "sha256:strange:latest"] {
            let mut warned = BTreeSet::new();
            assert_eq!(
                find(&[name], &mut warned).as_deref(),
                Some("strange:latest"),
                "{name}"
            );
            assert!(warned.is_empty(), "{name}");
        }
        for name in ["strange:1", "", "a:5000/strange"] {
            assert_eq!(
                find(&[name], &mut BTreeSet::new()).as_deref(),
                Some("mine:1"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_without_a_tag_means_the_latest() {
        for (name, whole) in [
            ("a", "a:latest"),
            ("a:1", "a:1"),
            ("host:5000/a", "host:5000/a:latest"),
            ("host:5000/a:1", "host:5000/a:1"),
        ] {
            assert_eq!(with_tag(name), whole);
        }
    }
}

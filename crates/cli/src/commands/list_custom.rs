//! `list-custom`: the custom images.

use std::fmt::Write as _;

use isol8_backend::{ImageInfo, ImageStore as _};
use serde_json::json;

use super::build::first_line;
use crate::{
    args::ListCustomArgs,
    failure::{Exit, Failure},
    output::print,
    printable::printable,
    sandboxes::Sandboxes,
};

/// Prints the list.
pub(crate) async fn run(args: ListCustomArgs) -> Result<Exit, Failure> {
    let images = Sandboxes::on_docker()?.images().list().await?;
    if args.json {
        return print(&json(&images));
    }
    if images.is_empty() {
        return print("No custom isol8 images found.");
    }
    print(&described(&images))
}

fn json(images: &[ImageInfo]) -> String {
    let images = images.iter().map(|image| {
        json!({
            "tag": image.tag,
            "id": image.id,
            "runtime": image.facts.runtime,
            "dependencies": image.facts.packages,
            "setupScript": image.facts.setup_script,
            "created": image.created,
            "size": image.size,
        })
    });
    images.collect::<serde_json::Value>().to_string()
}

fn described(images: &[ImageInfo]) -> String {
    let mut text = "  ── Available Custom Images ──".to_owned();
    for ImageInfo { tag, facts, .. } in images {
        let packages = if facts.packages.is_empty() {
            "(none)".to_owned()
        } else {
            printable(&facts.packages.join(","))
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n\n  📦 {tag}\n     Runtime:      {}\n     Dependencies: {packages}",
            printable(&facts.runtime)
        );
        if let Some(script) = &facts.setup_script {
            let _ = write!(
                text,
                "\n     Setup:        {}",
                printable(&first_line(script))
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use isol8_backend::ImageFacts;

    use super::*;

    #[test]
    fn images_are_listed_for_people_and_for_programs() {
        let image = |packages: &[&str], setup: Option<&str>| ImageInfo {
            tag: "mine:1".to_owned(),
            id: "sha256:1".to_owned(),
            facts: ImageFacts {
                runtime: "python".to_owned(),
                packages: packages.iter().map(|&name| name.to_owned()).collect(),
                setup_script: setup.map(str::to_owned),
            },
            built_here: true,
            created: 5,
            size: 7,
        };
        assert_eq!(
            described(&[image(&["a", "b"], Some("x\ny")), image(&[], None)]),
            "  ── Available Custom Images ──\n\n  📦 mine:1\n     Runtime:      python\n     \
             Dependencies: a,b\n     Setup:        x ...\n\n  📦 mine:1\n     Runtime:      python\n     \
             Dependencies: (none)"
        );
        // Anybody can write the labels of an image.
        let text = described(&[image(&["\u{1b}[2J"], Some("\u{1b}]0;title\u{7}"))]);
        assert!(
            !text.contains(['\u{1b}', '\u{7}']) && text.contains("]0;title"),
            "{text}"
        );
        let listed: serde_json::Value =
            serde_json::from_str(&json(&[image(&["a"], None)])).unwrap();
        assert_eq!(listed[0]["dependencies"], json!(["a"]));
        assert_eq!(
            (&listed[0]["created"], &listed[0]["size"]),
            (&json!(5), &json!(7))
        );
        assert_eq!(json(&[]), "[]");
    }
}

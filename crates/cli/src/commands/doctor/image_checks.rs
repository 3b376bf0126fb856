//! What the facts about base images mean, and what to do.

use super::{
    check::{Check, Verdict, ok, wrong},
    image_facts::RuntimeImage,
};
use crate::output;

const NAME: &str = "Images";

/// Judges them.
pub(super) fn check(images: &[RuntimeImage]) -> Check {
    let names = |wanted: fn(&RuntimeImage) -> bool| -> Vec<&str> {
        let images = images.iter().filter(|image| wanted(image));
        images.map(|image| image.runtime).collect()
    };
    let missing = names(|image| image.found.is_none());
    let stale = names(|image| image.found.as_ref().is_some_and(|found| !found.is_current));
    let mut told = Vec::new();
    if !missing.is_empty() {
        told.push(format!("there is none for {}", missing.join(", ")));
    }
    if !stale.is_empty() {
        told.push(format!(
            "that of {} is not what this version builds",
            stale.join(", ")
        ));
    }
    if missing.is_empty() && stale.is_empty() {
        told.push("every runtime has its image".to_owned());
    }
    told.extend(ages(images));
    let told = told.join("; ");
    let mut runtimes = missing.clone();
    runtimes.extend(stale);
    if runtimes.is_empty() {
        return ok(NAME, &told);
    }
    let mut remedy = format!("Run: isol8 setup --only {}.", runtimes.join(" "));
    if !missing.is_empty() {
        remedy.push_str(" Else the first run builds what is missing.");
    }
    wrong(Verdict::Warning, NAME, &told, &remedy)
}

/// When the images were built; none where no age is known.
fn ages(images: &[RuntimeImage]) -> Option<String> {
    let ages = images.iter().filter_map(|image| {
        let age = image.found.as_ref()?.age?;
        Some(format!("{} {}", image.runtime, output::age(age)))
    });
    let ages: Vec<_> = ages.collect();
    (!ages.is_empty()).then(|| format!("built: {}", ages.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::image_facts::Found;

    fn image(runtime: &'static str, age: Option<u64>, is_current: bool) -> RuntimeImage {
        RuntimeImage {
            runtime,
            found: Some(Found { age, is_current }),
        }
    }

    #[test]
    fn images_are_judged_with_their_age() {
        let missing = |runtime| RuntimeImage {
            runtime,
            found: None,
        };
        for (images, found, remedy) in [
            (
                vec![
                    image("python", Some(90_000), true),
                    image("node", Some(3), true),
                ],
                "every runtime has its image; built: python 1 day ago, node just now",
                None,
            ),
            (
                vec![image("python", None, true)],
                "every runtime has its image",
                None,
            ),
            (
                vec![image("python", None, true), missing("node"), missing("bun")],
                "there is none for node, bun",
                Some(
                    "Run: isol8 setup --only node bun. Else the first run builds what is missing.",
                ),
            ),
            (
                vec![
                    image("python", Some(900_000), false),
                    image("node", Some(60), true),
                ],
                "that of python is not what this version builds; built: python 10 days ago, node 1 minute ago",
                Some("Run: isol8 setup --only python."),
            ),
            (
                vec![missing("deno"), image("bash", Some(7200), false)],
                "there is none for deno; that of bash is not what this version builds; built: bash 2 hours ago",
                Some(
                    "Run: isol8 setup --only deno bash. Else the first run builds what is missing.",
                ),
            ),
        ] {
            let check = check(&images);
            assert_eq!((&*check.found, check.remedy.as_deref()), (found, remedy));
            let expected = if remedy.is_some() {
                Verdict::Warning
            } else {
                Verdict::Ok
            };
            assert_eq!(check.verdict, expected);
        }
    }
}

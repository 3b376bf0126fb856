//! Custom images: what a caller asks for, checked and turned into what an image store builds.

use std::sync::atomic::{AtomicU64, Ordering};

use isol8_api::config::Config;
use isol8_backend::{
    BackendError, ImageFacts, ImageRecipe, ImageSources, ImageStore, ReportProgress,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    error::EngineError,
    plan::PlanError,
    runtime::{Registry, normalize_packages},
};

/// Hex digits of the dependency hash in a tag that nobody chose.
const TAG_DIGITS: usize = 12;

/// Custom images that this process has built. Whoever remembers images forgets them when it grows.
static BUILDS: AtomicU64 = AtomicU64::new(0);

/// How many custom images this process has built so far.
pub(crate) fn builds() -> u64 {
    BUILDS.load(Ordering::Acquire)
}

/// A custom image as a caller describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomImage {
    /// Runtime whose base image it starts from.
    pub runtime: String,
    /// Packages to install.
    pub packages: Vec<String>,
    /// Script that runs in the sandbox before each program.
    pub setup_script: Option<String>,
    /// Name; `isol8:<runtime>-custom-<hash>` when there is none.
    pub tag: Option<String>,
}

/// What became of a [`CustomImage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomBuild {
    /// Its name.
    pub tag: String,
    /// Whether it was built just now; it was there already otherwise.
    pub built: bool,
}

/// The images that a configuration wants: `prebuiltImages`, then `isol8:<runtime>-custom` for each runtime
/// of `dependencies`. Each is for [`build_custom_image`], which leaves alone what is there and has not
/// changed.
#[must_use]
pub fn configured_images(config: &Config) -> Vec<CustomImage> {
    let dependencies = config.dependencies.by_runtime().into_iter();
    let of_runtimes = dependencies
        .filter(|(_, packages)| !packages.is_empty())
        .map(|(runtime, packages)| CustomImage {
            runtime: runtime.to_owned(),
            packages: packages.to_vec(),
            setup_script: None,
            tag: Some(dependencies_tag(runtime)),
        });
    let prebuilt = config.prebuilt_images.iter().map(|image| CustomImage {
        runtime: image.runtime.clone(),
        packages: image.install_packages.clone(),
        setup_script: image.setup_script.clone(),
        tag: Some(image.tag.clone()),
    });
    prebuilt.chain(of_runtimes).collect()
}

/// The name of the image with a runtime's `dependencies`.
#[must_use]
pub fn dependencies_tag(runtime: &str) -> String {
    format!("isol8:{runtime}-custom")
}

/// Builds the images of `runtimes` (all of them when `None`) that are missing or not current, or all of
/// them with `force`. Stops at the first that fails.
pub async fn build_base_images(
    store: &dyn ImageStore,
    runtimes: Option<&[String]>,
    sources: &ImageSources,
    force: bool,
    report: ReportProgress<'_>,
) -> Result<(), EngineError> {
    let registry = Registry::default();
    let names: Vec<&str> = match runtimes {
        None => registry.list().iter().map(|runtime| runtime.name).collect(),
        Some(wanted) => wanted.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = names.iter().find(|name| registry.get(name).is_err()) {
        return Err(BackendError::unknown_runtime(unknown).into());
    }
    for name in names {
        store.build_base(name, sources, force, report).await?;
    }
    Ok(())
}

/// Builds a custom image, and its base image when that is missing. Nothing is done, unless `force`
/// is set, when an image of that name has the same runtime, packages and setup script, and is made
/// from the base image that is there.
pub async fn build_custom_image(
    store: &dyn ImageStore,
    image: &CustomImage,
    sources: &ImageSources,
    force: bool,
    report: ReportProgress<'_>,
) -> Result<CustomBuild, EngineError> {
    let recipe = recipe(image)?;
    let built = store.build_custom(&recipe, sources, force, report).await?;
    if built {
        BUILDS.fetch_add(1, Ordering::Release);
    }
    Ok(CustomBuild {
        tag: recipe.tag,
        built,
    })
}

/// Checks a custom image, and returns the recipe for its build.
fn recipe(image: &CustomImage) -> Result<ImageRecipe, EngineError> {
    let registry = Registry::default();
    let runtime = registry
        .get(&image.runtime)
        .map_err(|_| BackendError::unknown_runtime(&image.runtime))?;
    let packages = normalize_packages(runtime, &image.packages).map_err(PlanError::from)?;
    let setup_script = image
        .setup_script
        .clone()
        .filter(|script| !script.trim().is_empty());
    let digest = digest(runtime.name, &packages, setup_script.as_deref());
    let given = image
        .tag
        .as_deref()
        .map(str::trim)
        .filter(|tag| !tag.is_empty());
    let tag = match given {
        Some(tag) => tag.to_owned(),
        None => format!("isol8:{}-custom-{}", runtime.name, &digest[..TAG_DIGITS]),
    };
    Ok(ImageRecipe {
        tag,
        digest,
        script: runtime.bake,
        arguments: runtime.names.for_installer(&packages),
        facts: ImageFacts {
            runtime: runtime.name.to_owned(),
            packages,
            setup_script,
        },
    })
}

/// Digest of what makes two custom images the same.
fn digest(runtime: &str, packages: &[String], setup: Option<&str>) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(runtime);
    add(&packages.join(","));
    add(setup.unwrap_or_default());
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(runtime: &str, packages: &[&str], setup: Option<&str>) -> CustomImage {
        CustomImage {
            runtime: runtime.to_owned(),
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            setup_script: setup.map(str::to_owned),
            tag: None,
        }
    }

    #[test]
    fn the_tag_depends_on_what_is_inside_and_not_on_how_it_was_written() {
        let tag = |image: CustomImage| recipe(&image).unwrap().tag;
        let plain = tag(image("python", &["numpy", "attrs"], None));
        assert!(plain.starts_with("isol8:python-custom-"));
        assert_eq!(plain.len(), "isol8:python-custom-".len() + TAG_DIGITS);
        assert_eq!(
            plain,
            tag(image(
                "python",
                &[" attrs", "numpy", "numpy", ""],
                Some(" \n")
            ))
        );
        for other in [
            image("python", &["numpy"], None),
            image("bun", &["numpy", "attrs"], None),
            image("python", &["numpy", "attrs"], Some("true")),
        ] {
            assert_ne!(plain, tag(other));
        }
        let named = CustomImage {
            tag: Some("mine:1".to_owned()),
            ..image("bash", &[], None)
        };
        assert_eq!(tag(named), "mine:1");
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_the_public_messages() {
        let refused = |image| recipe(&image).err().unwrap().to_string();
        assert_eq!(refused(image("ruby", &[], None)), "Unknown runtime: ruby");
        assert_eq!(
            refused(image("python", &["a;b"], None)),
            "Invalid package name: \"a;b\". Only alphanumeric, -, _, ., /, @, and = are allowed."
        );
    }

    #[test]
    fn a_configuration_wants_its_dependencies_and_its_prebuilt_images() {
        let config: Config = serde_json::from_value(serde_json::json!({
            "dependencies": { "python": ["numpy"], "bash": [] },
            "prebuiltImages": [{ "tag": "mine", "runtime": "bun", "setupScript": "true" }],
        }))
        .unwrap();
        let mine = CustomImage {
            tag: Some("mine".to_owned()),
            ..image("bun", &[], Some("true"))
        };
        let numpy = CustomImage {
            tag: Some("isol8:python-custom".to_owned()),
            ..image("python", &["numpy"], None)
        };
        assert_eq!(configured_images(&config), [mine, numpy]);
    }
}

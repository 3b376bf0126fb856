//! Custom images: a base image with packages, and a setup script that runs before each program in it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use bollard::query_parameters::RemoveImageOptions;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, RUNTIME_LABEL, SETUP_LABEL, bake,
    base::{build_base_image, labels_of},
    build::{self, Build, BuildProgress, BuildStatus, ImageSources},
    context,
};
use crate::{
    backend::DockerClient,
    config::Config,
    error::EngineError,
    plan::PlanError,
    runtime::{installer_names, normalize_packages},
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

/// The images that a configuration wants: those of `dependencies`, then `prebuiltImages`. Each is
/// for [`build_custom_image`], which leaves alone what is there and has not changed.
#[must_use]
pub fn configured_images(config: &Config) -> Vec<CustomImage> {
    let dependencies = config.dependencies.by_runtime().into_iter();
    let of_runtimes = dependencies
        .filter(|(_, packages)| !packages.is_empty())
        .map(|(runtime, packages)| CustomImage {
            runtime: runtime.to_owned(),
            packages: packages.to_vec(),
            ..CustomImage::default()
        });
    let prebuilt = config.prebuilt_images.iter().map(|image| CustomImage {
        runtime: image.runtime.clone(),
        packages: image.install_packages.clone(),
        setup_script: image.setup_script.clone(),
        tag: Some(image.tag.clone()),
    });
    of_runtimes.chain(prebuilt).collect()
}

/// Builds a custom image, and its base image when that is missing. Nothing is done, unless `force`
/// is set, when an image of that name has the same runtime, packages and setup script, and is made
/// from the base image that is there.
pub async fn build_custom_image(
    client: &DockerClient,
    image: &CustomImage,
    sources: &ImageSources,
    force: bool,
    on_progress: &(dyn Fn(BuildProgress) + Sync),
) -> Result<CustomBuild, EngineError> {
    let recipe = Recipe::new(image)?;
    let base = format!("isol8:{}", recipe.runtime);
    if labels_of(client, &base).await?.is_none() {
        build_base_image(client, recipe.runtime, sources, false, on_progress).await?;
    }
    let tell = |status, message: Option<&str>| {
        let message = message.map(str::to_owned);
        on_progress(BuildProgress {
            runtime: recipe.runtime.to_owned(),
            status,
            message,
        });
    };
    let before = labels_of(client, &recipe.tag).await?;
    if !force && let Some(labels) = &before {
        let base_labels = labels_of(client, &base).await?.unwrap_or_default();
        let same = |label, value: Option<&String>| labels.get(label) == value;
        if same(DEPENDENCY_HASH_LABEL, Some(&recipe.hash))
            && same(BUILD_HASH_LABEL, base_labels.get(BUILD_HASH_LABEL))
        {
            tell(BuildStatus::Done, Some("Up to date"));
            return Ok(CustomBuild {
                tag: recipe.tag,
                built: false,
            });
        }
    }
    let replaced = match before {
        Some(_) => client.docker().await?.inspect_image(&recipe.tag).await?.id,
        None => None,
    };
    tell(BuildStatus::Building, None);
    let build = recipe.build(&base, sources)?;
    if let Err(reason) = build::run(client, build, |step| {
        tell(BuildStatus::Building, Some(step));
    })
    .await
    {
        let error = EngineError::ImageBuild {
            runtime: recipe.runtime.to_owned(),
            reason,
        };
        tell(BuildStatus::Error, Some(&error.to_string()));
        return Err(error);
    }
    BUILDS.fetch_add(1, Ordering::Release);
    if let Some(old) = replaced {
        remove_unnamed(client, &old).await;
    }
    tell(BuildStatus::Done, None);
    Ok(CustomBuild {
        tag: recipe.tag,
        built: true,
    })
}

/// Removes an image that has lost its name. One that is still in use or has another name stays.
async fn remove_unnamed(client: &DockerClient, id: &str) {
    let Ok(docker) = client.docker().await else {
        return;
    };
    let unnamed = docker
        .inspect_image(id)
        .await
        .is_ok_and(|image| image.repo_tags.unwrap_or_default().is_empty());
    if unnamed
        && let Err(error) = docker
            .remove_image(id, None::<RemoveImageOptions>, None)
            .await
    {
        tracing::debug!(id, %error, "the replaced image stays");
    }
}

/// A checked [`CustomImage`].
struct Recipe<'a> {
    runtime: &'a str,
    packages: Vec<String>,
    setup: Option<&'a str>,
    tag: String,
    hash: String,
    script: &'static str,
}

impl<'a> Recipe<'a> {
    fn new(image: &'a CustomImage) -> Result<Self, EngineError> {
        let runtime = image.runtime.as_str();
        let unknown = || EngineError::UnknownImageRuntime(runtime.to_owned());
        let script = bake::script(runtime).ok_or_else(unknown)?;
        let packages = normalize_packages(runtime, &image.packages).map_err(PlanError::from)?;
        let setup = image
            .setup_script
            .as_deref()
            .filter(|script| !script.trim().is_empty());
        let hash = hash(runtime, &packages, setup);
        let given = image
            .tag
            .as_deref()
            .map(str::trim)
            .filter(|tag| !tag.is_empty());
        let tag = match given {
            Some(tag) => tag.to_owned(),
            None => format!("isol8:{runtime}-custom-{}", &hash[..TAG_DIGITS]),
        };
        Ok(Self {
            runtime,
            packages,
            setup,
            tag,
            hash,
            script,
        })
    }

    fn build(&self, base: &str, sources: &ImageSources) -> Result<Build, EngineError> {
        let mut dockerfile = format!("FROM {base}\n");
        let mut files = Vec::new();
        if !self.packages.is_empty() {
            // Read by npm, Bun and Deno; only while the image is built.
            dockerfile.push_str("ARG NPM_CONFIG_REGISTRY\n");
            let target = format!("/usr/local/sbin/{}", bake::SCRIPT_NAME);
            let mut command = vec!["sh".to_owned(), target.clone()];
            command.extend(installer_names(self.runtime, &self.packages));
            let command = serde_json::to_string(&command)
                .map_err(|error| EngineError::Internal(error.to_string()))?;
            let copy = bake::SCRIPT_NAME;
            dockerfile = format!("{dockerfile}COPY {copy} {target}\nRUN {command}\n");
            files.push((bake::SCRIPT_NAME, self.script, 0o755));
        }
        files.push(("Dockerfile", dockerfile.as_str(), 0o644));
        let registry = sources.npm_registry.clone();
        let mut labels = HashMap::from([
            (RUNTIME_LABEL.to_owned(), self.runtime.to_owned()),
            (DEPENDENCY_HASH_LABEL.to_owned(), self.hash.clone()),
            (DEPENDENCIES_LABEL.to_owned(), self.packages.join(",")),
        ]);
        labels.insert(
            SETUP_LABEL.to_owned(),
            self.setup.unwrap_or_default().to_owned(),
        );
        Ok(Build {
            tag: self.tag.clone(),
            target: None,
            context: context::tarball(files)?,
            args: registry
                .map(|url| ("NPM_CONFIG_REGISTRY".to_owned(), url))
                .into_iter()
                .collect(),
            labels,
        })
    }
}

/// Digest of what makes two custom images the same.
fn hash(runtime: &str, packages: &[String], setup: Option<&str>) -> String {
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
    use crate::image::ImageFacts;

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
        let tag = |image: CustomImage| Recipe::new(&image).unwrap().tag;
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
        let refused = |image| Recipe::new(&image).err().unwrap().to_string();
        assert_eq!(refused(image("ruby", &[], None)), "Unknown runtime: ruby");
        assert_eq!(
            refused(image("python", &["a;b"], None)),
            "Invalid package name: \"a;b\". Only alphanumeric, -, _, ., /, @, and = are allowed."
        );
    }

    #[test]
    fn labels_say_what_is_inside() {
        let image = image("node", &["b", "a@1"], Some("echo 1\necho 2\n"));
        let build = Recipe::new(&image)
            .unwrap()
            .build("isol8:node", &ImageSources::default())
            .unwrap();
        assert_eq!(
            ImageFacts::new(&build.labels),
            ImageFacts {
                runtime: "node".to_owned(),
                packages: vec!["a@1".to_owned(), "b".to_owned()],
                setup_script: Some("echo 1\necho 2\n".to_owned()),
            }
        );
        assert_eq!(ImageFacts::new(&HashMap::new()), ImageFacts::default());
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
        assert_eq!(
            configured_images(&config),
            [image("python", &["numpy"], None), mine]
        );
    }
}

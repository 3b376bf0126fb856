//! Images: what is known of them, and how they are built.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{BackendError, BackendErrorKind, CleanupReport};

/// The facts in an image's labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Runtime that it is for; empty when the labels do not name one.
    pub runtime: String,
    /// Packages that it has beside its base image, sorted.
    pub packages: Vec<String>,
    /// Script that runs in the sandbox before each program.
    pub setup_script: Option<String>,
}

impl ImageFacts {
    /// Whether the image has all of `wanted`.
    #[must_use]
    pub fn has(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|name| self.packages.contains(name))
    }
}

/// An image that exists, whatever name it was found by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDetails {
    /// The backend's id of its content. All names of one image have the same, and a name that is given to
    /// another image has another one.
    pub id: String,
    /// The facts in its labels.
    pub facts: ImageFacts,
    /// Paths that it declares as volumes, as it writes them.
    pub volumes: Vec<String>,
}

/// A custom image that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// Its name.
    pub tag: String,
    /// The backend's id for it.
    pub id: String,
    /// The facts in its labels.
    pub facts: ImageFacts,
    /// Whether it was built on this machine for this user. Only then its labels are known to be true.
    pub built_here: bool,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Size in bytes.
    pub size: i64,
}

/// A custom image to build: checked, and complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecipe {
    /// Its name.
    pub tag: String,
    /// The facts in its labels.
    pub facts: ImageFacts,
    /// Digest of what makes two custom images the same.
    pub digest: String,
    /// Shell script that installs packages as root, given the names in `arguments`.
    pub script: &'static str,
    /// The packages as the script wants them named; nothing is installed when there are none.
    pub arguments: Vec<String>,
}

/// Where images are built from. Whatever is left out is the backend's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageSources {
    /// Image to build on, Debian or one that is like it.
    pub base_image: Option<String>,
    /// Address of the npm registry that Node, Bun, Deno and the agent come from.
    pub npm_registry: Option<String>,
    /// Address of the Debian mirror.
    pub apt_mirror: Option<String>,
    /// Certificate authorities (PEM) to trust besides the public ones, for a proxy that reads TLS.
    pub ca_certificates: Option<String>,
}

impl ImageSources {
    /// What is left out here, from `ISOL8_BASE_IMAGE`, `ISOL8_NPM_REGISTRY`, `ISOL8_APT_MIRROR` and
    /// `ISOL8_EXTRA_CA` (path of a PEM file).
    pub fn or_environment(mut self) -> Result<Self, BackendError> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        self.base_image = self.base_image.or_else(|| text("ISOL8_BASE_IMAGE"));
        self.npm_registry = self.npm_registry.or_else(|| text("ISOL8_NPM_REGISTRY"));
        self.apt_mirror = self.apt_mirror.or_else(|| text("ISOL8_APT_MIRROR"));
        if self.ca_certificates.is_none()
            && let Some(path) = text("ISOL8_EXTRA_CA")
        {
            let pem = std::fs::read_to_string(&path).map_err(|error| {
                let message = format!("ISOL8_EXTRA_CA: cannot read {path}: {error}");
                BackendError::new(BackendErrorKind::Configuration, message).caused_by(error)
            })?;
            self.ca_certificates = Some(pem);
        }
        Ok(self)
    }
}

/// How far a build is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildProgress {
    /// The runtime whose image it is.
    pub runtime: String,
    /// How far it is.
    pub status: BuildStatus,
    /// The step that runs, `Up to date` when nothing had to be done, or the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildStatus {
    /// It has begun, or a new step has.
    Building,
    /// The image is there.
    Done,
    /// It failed.
    Error,
}

/// Receives the progress of a build.
pub type ReportProgress<'a> = &'a (dyn Fn(BuildProgress) + Send + Sync);

/// The images that a backend's sandboxes run in.
pub trait ImageStore: Send + Sync + 'static {
    /// The image that `name` (a tag or an id) means at the moment; `None` when there is no such image.
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>>;

    /// The custom images, by name.
    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>>;

    /// Builds the base image of one runtime, unless it is current and `force` is not set.
    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Builds a custom image, and its base image when that is missing. Returns false when nothing was
    /// done: unless `force` is set, an image of that name and digest that is made from the base image
    /// that is there is left alone.
    fn build_custom<'a>(
        &'a self,
        recipe: &'a ImageRecipe,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>>;

    /// Removes every base image and every custom image.
    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>>;
}

//! One build through the Docker API, with its progress and, when it fails, the step that failed.

use std::collections::{HashMap, VecDeque};

use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::{backend::DockerClient, error::EngineError};

/// How much of a failed build's output its error shows, in lines.
const SHOWN_LINES: usize = 25;

/// Where images are built from. Whatever is left out is the Dockerfile's default.
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
    pub fn or_environment(mut self) -> Result<Self, EngineError> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        self.base_image = self.base_image.or_else(|| text("ISOL8_BASE_IMAGE"));
        self.npm_registry = self.npm_registry.or_else(|| text("ISOL8_NPM_REGISTRY"));
        self.apt_mirror = self.apt_mirror.or_else(|| text("ISOL8_APT_MIRROR"));
        if self.ca_certificates.is_none()
            && let Some(path) = text("ISOL8_EXTRA_CA")
        {
            let pem = std::fs::read_to_string(&path).map_err(|error| {
                EngineError::InvalidConfig(format!("ISOL8_EXTRA_CA: cannot read {path}: {error}"))
            })?;
            self.ca_certificates = Some(pem);
        }
        Ok(self)
    }

    pub(super) fn build_args(&self) -> HashMap<String, String> {
        [
            ("BASE_IMAGE", &self.base_image),
            ("NPM_REGISTRY", &self.npm_registry),
            ("APT_MIRROR", &self.apt_mirror),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect()
    }
}

/// What a build tells while it runs.
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

/// An image to build.
pub(super) struct Build {
    pub(super) tag: String,
    /// Stage of the Dockerfile.
    pub(super) target: Option<String>,
    pub(super) context: Bytes,
    pub(super) args: HashMap<String, String>,
    pub(super) labels: HashMap<String, String>,
}

/// Runs a build; `on_step` is called with each step's line.
pub(super) async fn run(
    client: &DockerClient,
    build: Build,
    mut on_step: impl FnMut(&str),
) -> Result<(), String> {
    let docker = client.docker().await.map_err(|error| error.to_string())?;
    let options = BuildImageOptions {
        t: Some(build.tag),
        target: build.target.unwrap_or_default(),
        buildargs: Some(build.args),
        labels: Some(build.labels),
        rm: true,
        forcerm: true,
        ..Default::default()
    };
    let mut output = docker.build_image(options, None, Some(bollard::body_full(build.context)));
    let mut step = String::new();
    let mut lines = VecDeque::with_capacity(SHOWN_LINES);
    let mut failure = None;
    while let Some(item) = output.next().await {
        let info = match item {
            Ok(info) => info,
            Err(bollard::errors::Error::DockerStreamError { error }) => {
                failure = Some(error);
                break;
            }
            Err(error) => return Err(error.to_string()),
        };
        if let Some(detail) = info.error_detail {
            failure = Some(detail.message.unwrap_or_default());
            break;
        }
        for line in info.stream.unwrap_or_default().lines().map(str::trim_end) {
            if line.starts_with("Step ") {
                line.clone_into(&mut step);
                on_step(line);
                lines.clear();
            } else if !line.is_empty() {
                if lines.len() == SHOWN_LINES {
                    lines.pop_front();
                }
                lines.push_back(line.to_owned());
            }
        }
    }
    match failure {
        None => Ok(()),
        Some(error) => {
            let shown: Vec<_> = lines.into();
            Err(format!("{error}\n{step}\n{}", shown.join("\n")))
        }
    }
}

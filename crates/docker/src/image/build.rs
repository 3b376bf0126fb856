//! One build through the Docker API, with its progress and, when it fails, the step that failed.

use std::collections::HashMap;

use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures::StreamExt;
use isol8_backend::{BackendError, BuildProgress, BuildStatus, ReportProgress};

use super::tail::Tail;
use crate::{Client, plain_text::plain};

/// Follows the reason of a build that could not reach what it needs.
const NETWORK_REMEDY: &str = "\nThe build needs the network, and something in it could not be reached. Check the \
    network and proxy of the Docker daemon, or name mirrors for the base image and the packages.";

/// An image to build.
#[derive(Clone)]
pub(super) struct Build {
    pub(super) tag: String,
    /// Stage of the Dockerfile.
    pub(super) target: Option<String>,
    pub(super) context: Bytes,
    pub(super) args: HashMap<String, String>,
    pub(super) labels: HashMap<String, String>,
}

/// Reports how far the build of a runtime's image is.
#[derive(Clone, Copy)]
pub(super) struct Progress<'a> {
    pub(super) runtime: &'a str,
    pub(super) report: ReportProgress<'a>,
}

impl Progress<'_> {
    /// Nothing has to be done.
    pub(super) fn up_to_date(self) {
        self.tell(BuildStatus::Done, Some("Up to date"));
    }

    fn tell(self, status: BuildStatus, message: Option<&str>) {
        (self.report)(BuildProgress {
            runtime: self.runtime.to_owned(),
            status,
            message: message.map(str::to_owned),
        });
    }
}

/// Runs a build and reports each of its steps.
pub(super) async fn run(
    client: &Client,
    build: Build,
    progress: Progress<'_>,
) -> Result<(), BackendError> {
    progress.tell(BuildStatus::Building, None);
    let mut outcome = run_steps(client, &build, progress).await;
    if let Err(reason) = &outcome
        && has_lost_layer(reason)
    {
        tracing::debug!(%reason, "another build removed a layer of this one, which runs once more");
        outcome = run_steps(client, &build, progress).await;
    }
    match outcome {
        Ok(()) => {
            progress.tell(BuildStatus::Done, None);
            Ok(())
        }
        Err(mut reason) => {
            if is_about_network(&reason) {
                reason.push_str(NETWORK_REMEDY);
            }
            let error = BackendError::image_build(progress.runtime, &reason);
            progress.tell(BuildStatus::Error, Some(&error.to_string()));
            Err(error)
        }
    }
}

/// Runs a build. The error is the step that failed and the last lines of its output.
async fn run_steps(client: &Client, build: &Build, progress: Progress<'_>) -> Result<(), String> {
    let docker = client.building().await.map_err(|error| error.to_string())?;
    let build = build.clone();
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
    let mut tail = Tail::default();
    let mut failure = None;
    while let Some(item) = output.next().await {
        let info = match item {
            Ok(info) => info,
            Err(bollard::errors::Error::DockerStreamError { error }) => {
                failure = Some(error);
                break;
            }
            Err(error) => return Err(client.failed(error).to_string()),
        };
        if let Some(detail) = info.error_detail {
            failure = Some(detail.message.unwrap_or_default());
            break;
        }
        let message = plain(&info.stream.unwrap_or_default());
        if let Some(step) = tail.add(&message) {
            progress.tell(BuildStatus::Building, Some(step));
        }
    }
    match failure {
        None => Ok(()),
        Some(error) => Err(format!("{}\n{}", plain(&error), tail.into_text())),
    }
}

/// Whether a step failed because a cached layer went away that it was to begin with: the daemon's cache is shared by all
/// builds, and images are removed at any time.
fn has_lost_layer(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    [
        "no such image: sha256:",
        "layer does not exist",
        "unknown parent image id",
        "failed to get layer",
        "no such container",
        "unable to find layer",
    ]
    .iter()
    .any(|sign| reason.contains(sign))
}

/// Whether a build failed because it could not reach something.
fn is_about_network(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    [
        "dial tcp",
        "no such host",
        "could not resolve",
        "temporary failure resolving",
        "network is unreachable",
        "tls handshake timeout",
        "eai_again",
        "enotfound",
    ]
    .iter()
    .any(|sign| reason.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_another_build_removed_is_told_from_a_step_that_failed() {
        assert!(has_lost_layer(
            "No such image: sha256:0123\nStep 3/9 : RUN x\n"
        ));
        assert!(has_lost_layer(
            "failed to export image: layer does not exist"
        ));
        assert!(!has_lost_layer(
            "The command 'x' returned a non-zero code: 1\nStep 3/9\nno such file"
        ));
    }

    #[test]
    fn a_build_without_network_says_so() {
        assert!(is_about_network(
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: i/o timeout"
        ));
        assert!(is_about_network(
            "Temporary failure resolving 'deb.debian.org'"
        ));
        assert!(!is_about_network("E: Unable to locate package nosuch"));
    }
}

//! One build through the Docker API, with its progress and, when it fails, the step that failed.

use std::collections::{HashMap, VecDeque};

use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures::StreamExt;
use isol8_backend::{BackendError, BuildProgress, BuildStatus, ReportProgress};

use crate::Client;

/// How much of a failed build's output its error shows, in lines.
const SHOWN_LINES: usize = 25;

/// An image to build.
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
    match run_steps(client, build, progress).await {
        Ok(()) => {
            progress.tell(BuildStatus::Done, None);
            Ok(())
        }
        Err(reason) => {
            let error = BackendError::image_build(progress.runtime, &reason);
            progress.tell(BuildStatus::Error, Some(&error.to_string()));
            Err(error)
        }
    }
}

/// Runs a build. The error is the step that failed and the last lines of its output.
async fn run_steps(client: &Client, build: Build, progress: Progress<'_>) -> Result<(), String> {
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
                progress.tell(BuildStatus::Building, Some(line));
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

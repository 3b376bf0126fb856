//! The base images, one a runtime: `isol8:<runtime>`.

use std::collections::HashMap;

use isol8_backend::{BackendError, ImageSources, ReportProgress};

use super::{
    build::{Build, Progress, run},
    context, inspect,
};
use crate::{
    Client,
    labels::{BUILD_HASH_LABEL, IMAGE_RUNTIME_LABEL},
};

/// A base image that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// When it was built (RFC 3339), where the daemon says so.
    pub created: Option<String>,
    /// Whether this version would build the same from the same sources.
    pub is_current: bool,
}

/// The image of a runtime; `None` when there is none.
pub(super) async fn find(
    client: &Client,
    runtime: &str,
    sources: &ImageSources,
) -> Result<Option<BaseImage>, BackendError> {
    let image = inspect::image(client, &tag(runtime)).await?;
    Ok(image.map(|image| BaseImage {
        created: image.created,
        is_current: inspect::labels_of(image.config).get(BUILD_HASH_LABEL)
            == Some(&context::digest(runtime, sources)),
    }))
}

/// The name of a runtime's image.
pub(super) fn tag(runtime: &str) -> String {
    format!("isol8:{runtime}")
}

/// Builds the image of one runtime unless it is current.
pub(super) async fn build(
    client: &Client,
    runtime: &str,
    sources: &ImageSources,
    force: bool,
    report: ReportProgress<'_>,
) -> Result<(), BackendError> {
    if !context::has_target(runtime) {
        return Err(BackendError::unknown_runtime(runtime));
    }
    let progress = Progress { runtime, report };
    let tag = tag(runtime);
    let digest = context::digest(runtime, sources);
    if !force
        && let Some(labels) = inspect::labels(client, &tag).await?
        && labels.get(BUILD_HASH_LABEL) == Some(&digest)
    {
        progress.up_to_date();
        return Ok(());
    }
    let build = Build {
        tag,
        target: Some(runtime.to_owned()),
        context: context::archive(sources)?,
        args: context::build_args(sources),
        labels: HashMap::from([
            (BUILD_HASH_LABEL.to_owned(), digest),
            (IMAGE_RUNTIME_LABEL.to_owned(), runtime.to_owned()),
        ]),
    };
    run(client, build, progress).await
}

//! Where sandboxes and images come from: the only module that knows which backend there is.

use std::sync::Arc;

use futures::future::BoxFuture;
use isol8_backend::{
    BackendError, BuildProgress, BuildStatus, CleanupReport, ImageDetails, ImageInfo, ImageRecipe,
    ImageSources, ImageStore, ReportProgress,
};
use isol8_docker::{Client, DockerAddress, DockerBackend, DockerImages};
use isol8_engine::{Engine, options::Options};

use crate::{failure::Failure, output::Console};

/// The place that runs sandboxes.
pub(crate) struct Sandboxes {
    client: Client,
}

impl Sandboxes {
    /// The Docker daemon that the `docker` command would use. Does no I/O.
    pub(crate) fn new() -> Result<Self, Failure> {
        let address = DockerAddress::default();
        address.check()?;
        Ok(Self {
            client: Client::new(address),
        })
    }

    /// An engine for one execution at a time. A base image that it has to build is announced on `console`.
    pub(crate) fn engine(&self, options: Options, console: Console) -> Result<Engine, Failure> {
        let backend = DockerBackend::new(self.client.clone(), options.oci_runtime.clone());
        let images = AnnouncedImages {
            images: DockerImages::new(self.client.clone()),
            console,
        };
        Ok(Engine::new(
            options,
            1,
            Arc::new(backend),
            Arc::new(images),
        )?)
    }
}

/// Images that tell the user when one is built.
struct AnnouncedImages {
    images: DockerImages,
    console: Console,
}

impl ImageStore for AnnouncedImages {
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>> {
        self.images.inspect(name)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        self.images.list()
    }

    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move {
            let announce = |progress: BuildProgress| {
                announce(self.console, &progress);
                report(progress);
            };
            self.images
                .build_base(runtime, sources, force, &announce)
                .await
        })
    }

    fn build_custom<'a>(
        &'a self,
        recipe: &'a ImageRecipe,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>> {
        self.images.build_custom(recipe, sources, force, report)
    }

    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        self.images.remove_all()
    }
}

/// Says how far a build is. An error is told by whoever asked for the image.
fn announce(console: Console, progress: &BuildProgress) {
    let runtime = &progress.runtime;
    match (progress.status, &progress.message) {
        (BuildStatus::Building, None) => console.info(&format!(
            "The image of {runtime} is missing and is built now. This happens once."
        )),
        (BuildStatus::Building, Some(step)) => console.info(&format!("{runtime}: {step}")),
        (BuildStatus::Done, _) => console.info(&format!("The image of {runtime} is ready.")),
        (BuildStatus::Error, _) => {}
    }
}

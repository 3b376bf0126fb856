//! Where sandboxes and images come from: the only module that knows which backends there are.

use std::sync::Arc;

use futures::future::BoxFuture;
use isol8_api::options::BackendChoice;
use isol8_assembly::Place;
use isol8_backend::{
    Backend, BackendError, BuildProgress, CleanupReport, ImageDetails, ImageInfo, ImageRecipe,
    ImageSources, ImageStore, ReportProgress,
};
pub(crate) use isol8_docker::DaemonFacts;
use isol8_docker::{DockerAddress, DockerBackend, DockerImages};

use crate::{
    failure::Failure,
    output::{Builds, Console},
    settings::BackendSettings,
};

/// The place that runs sandboxes.
pub(crate) struct Sandboxes {
    place: Place,
}

impl Sandboxes {
    /// The Docker daemon that the `docker` command would use. Does no I/O.
    pub(crate) fn on_docker() -> Result<Self, Failure> {
        Self::new(BackendSettings {
            choice: BackendChoice::Docker,
            ..BackendSettings::default()
        })
    }

    /// The backend of these settings. A daemon is the one that the `docker` command would use. Does no I/O.
    pub(crate) fn new(settings: BackendSettings) -> Result<Self, Failure> {
        let BackendSettings { choice, limits } = settings;
        Ok(Self {
            place: Place::new(choice, DockerAddress::default(), limits)?,
        })
    }

    /// The place itself.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The containers of the Docker daemon.
    pub(crate) fn backend(&self) -> DockerBackend {
        DockerBackend::new(self.place.client().clone(), None)
    }

    /// The images of the Docker daemon.
    pub(crate) fn images(&self) -> DockerImages {
        DockerImages::new(self.place.client().clone())
    }

    /// The daemon's description of itself.
    pub(crate) async fn daemon(&self) -> Result<DaemonFacts, Failure> {
        Ok(self.place.client().facts().await?)
    }

    /// The same place. A base image that has to be built is shown on `console`.
    pub(crate) fn announcing(&self, console: Console) -> Place {
        let images = self.images();
        let announced = AnnouncedImages { images, console };
        self.place.clone().with_docker_images(announced)
    }

    /// The same for a server, whose builds of base images are shown on `console`.
    pub(crate) fn served(&self, console: Console) -> ServedSandboxes {
        ServedSandboxes(self.announcing(console))
    }
}

/// Where the sandboxes of a server run.
pub(crate) struct ServedSandboxes(Place);

impl ServedSandboxes {
    /// The place itself.
    pub(crate) fn place(&self) -> &Place {
        &self.0
    }

    /// Removes the sandboxes that nobody uses and, with `images`, all images. Returns what could not be
    /// removed, and why.
    pub(crate) async fn clean_up(&self, images: bool) -> Vec<String> {
        let sandboxes = self.0.backend(None).clean_up().await;
        let images = if images {
            self.0.images().remove_all().await
        } else {
            Ok(CleanupReport::default())
        };
        let failures = |report: Result<CleanupReport, BackendError>| match report {
            Ok(report) => report.errors,
            Err(error) => vec![error.to_string()],
        };
        [sandboxes, images].into_iter().flat_map(failures).collect()
    }
}

impl isol8_server::Place for ServedSandboxes {
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        self.0.backend(oci_runtime)
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        self.0.images()
    }
}

/// Images that show the user when one is built.
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
            self.console.info(&format!(
                "The image of {runtime} is missing and is built now. This happens once."
            ));
            let builds = Builds::new(self.console);
            let line = builds.begin(runtime);
            let show = |progress: BuildProgress| {
                line.report(&progress);
                report(progress);
            };
            let built = self.images.build_base(runtime, sources, force, &show).await;
            if built.is_ok() {
                line.done(&format!("The image of {runtime} is ready."));
            }
            built
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

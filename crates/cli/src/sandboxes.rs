//! Where sandboxes and images come from: the only module that knows which backend there is.

use std::sync::Arc;

use futures::future::BoxFuture;
use isol8_backend::{
    Backend, BackendError, BuildProgress, CleanupReport, ImageDetails, ImageInfo, ImageRecipe,
    ImageSources, ImageStore, ReportProgress,
};
pub(crate) use isol8_docker::DaemonFacts;
use isol8_docker::{Client, DockerAddress, DockerBackend, DockerImages};
use isol8_engine::{Engine, options::Options};
use isol8_server::Place;

use crate::{
    failure::Failure,
    output::{Builds, Console},
};

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

    /// The containers that run sandboxes.
    pub(crate) fn backend(&self) -> DockerBackend {
        DockerBackend::new(self.client.clone(), None)
    }

    /// The images that sandboxes run in.
    pub(crate) fn images(&self) -> DockerImages {
        DockerImages::new(self.client.clone())
    }

    /// The daemon's description of itself.
    pub(crate) async fn daemon(&self) -> Result<DaemonFacts, Failure> {
        Ok(self.client.facts().await?)
    }

    /// The same for a server, whose builds of base images are shown on `console`.
    pub(crate) fn announcing(self, console: Console) -> ServedSandboxes {
        ServedSandboxes {
            sandboxes: self,
            console,
        }
    }

    /// An engine for one execution at a time. A base image that it has to build is shown on `console`.
    pub(crate) fn engine(&self, options: Options, console: Console) -> Result<Engine, Failure> {
        let backend = DockerBackend::new(self.client.clone(), options.oci_runtime.clone());
        let images = AnnouncedImages {
            images: self.images(),
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

/// Where the sandboxes of a server run.
pub(crate) struct ServedSandboxes {
    sandboxes: Sandboxes,
    console: Console,
}

impl ServedSandboxes {
    /// Removes the containers that nobody uses and, with `images`, all images. Returns what could not be
    /// removed, and why.
    pub(crate) async fn clean_up(&self, images: bool) -> Vec<String> {
        let containers = self.sandboxes.backend().clean_up().await;
        let images = if images {
            self.sandboxes.images().remove_all().await
        } else {
            Ok(CleanupReport::default())
        };
        let failures = |report: Result<CleanupReport, BackendError>| match report {
            Ok(report) => report.errors,
            Err(error) => vec![error.to_string()],
        };
        [containers, images]
            .into_iter()
            .flat_map(failures)
            .collect()
    }
}

impl Place for ServedSandboxes {
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        let client = self.sandboxes.client.clone();
        Arc::new(DockerBackend::new(client, oci_runtime.map(str::to_owned)))
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        Arc::new(AnnouncedImages {
            images: self.sandboxes.images(),
            console: self.console,
        })
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

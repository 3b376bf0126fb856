//! The images of one daemon.

use futures::future::BoxFuture;
use isol8_backend::{
    BackendError, CleanupReport, ImageDetails, ImageInfo, ImageRecipe, ImageSources, ImageStore,
    ReportProgress,
};

use super::{BaseImage, base, custom, inspect, remove, remove::OwnImage};
use crate::Client;

/// The images of a Docker daemon.
pub struct DockerImages {
    client: Client,
}

impl DockerImages {
    /// The images of the daemon of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The images that [`ImageStore::remove_all`] would remove.
    pub async fn own(&self) -> Result<Vec<OwnImage>, BackendError> {
        remove::list(&self.client).await
    }

    /// The base image of a runtime, compared with what this version would build from `sources`; `None` when there is
    /// none.
    pub async fn base(
        &self,
        runtime: &str,
        sources: &ImageSources,
    ) -> Result<Option<BaseImage>, BackendError> {
        base::find(&self.client, runtime, sources).await
    }

    /// The size of an image in bytes; `None` when there is no such image.
    pub async fn size(&self, name: &str) -> Option<u64> {
        let docker = self.client.docker().await.ok()?;
        let size = docker.inspect_image(name).await.ok()?.size?;
        size.try_into().ok()
    }
}

impl ImageStore for DockerImages {
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>> {
        Box::pin(inspect::details(&self.client, name))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        Box::pin(inspect::list_custom(&self.client))
    }

    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(base::build(&self.client, runtime, sources, force, report))
    }

    fn build_custom<'a>(
        &'a self,
        recipe: &'a ImageRecipe,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>> {
        Box::pin(custom::build(&self.client, recipe, sources, force, report))
    }

    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        Box::pin(remove::all(&self.client))
    }
}

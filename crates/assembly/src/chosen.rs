//! The backend and the images of `auto`: those of the backend that there is, once somebody has asked.

use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use isol8_backend::{
    Backend, BackendError, Capacity, CleanupReport, ImageDetails, ImageInfo, ImageRecipe,
    ImageSources, ImageStore, Need, ReportProgress, SandboxSpec, Started,
};

use crate::{Decision, Place};

/// The backend of a place that decides when it is first used.
pub(crate) struct ChosenBackend {
    place: Place,
    oci_runtime: Option<String>,
    backend: OnceLock<Arc<dyn Backend>>,
}

impl ChosenBackend {
    pub(crate) fn new(place: Place, oci_runtime: Option<&str>) -> Self {
        Self {
            place,
            oci_runtime: oci_runtime.map(str::to_owned),
            backend: OnceLock::new(),
        }
    }

    async fn backend(&self) -> Result<&Arc<dyn Backend>, BackendError> {
        Ok(self.of(self.place.decision().await?))
    }

    /// The backend, if it is decided.
    fn decided(&self) -> Option<&Arc<dyn Backend>> {
        Some(self.of(self.place.decided()?))
    }

    fn of(&self, decision: &Decision) -> &Arc<dyn Backend> {
        self.backend.get_or_init(|| match decision {
            Decision::Docker { .. } => Arc::new(self.place.docker(self.oci_runtime.as_deref())),
            Decision::Local { .. } => self.place.local(),
        })
    }
}

impl Backend for ChosenBackend {
    fn refuse(&self, need: Need) -> Option<BackendError> {
        self.decided()?.refuse(need)
    }

    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        Box::pin(async { self.backend().await?.start(spec).await })
    }

    fn let_go(&self, id: &str) {
        if let Some(backend) = self.decided() {
            backend.let_go(id);
        }
    }

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>> {
        match self.decided() {
            Some(backend) => backend.destroy(id),
            // It has started nothing yet.
            None => Box::pin(async { Ok(()) }),
        }
    }

    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        Box::pin(async { self.backend().await?.clean_up().await })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async { self.backend().await?.probe().await })
    }

    fn capacity(&self) -> Capacity {
        self.decided()
            .map_or_else(Capacity::default, |backend| backend.capacity())
    }
}

/// The images of a place that decides when it is first used.
pub(crate) struct ChosenImages(pub(crate) Place);

impl ChosenImages {
    async fn images(&self) -> Result<&dyn ImageStore, BackendError> {
        Ok(self.0.decided_images(self.0.decision().await?))
    }
}

impl ImageStore for ChosenImages {
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>> {
        Box::pin(async { self.images().await?.inspect(name).await })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        Box::pin(async { self.images().await?.list().await })
    }

    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move {
            let images = self.images().await?;
            images.build_base(runtime, sources, force, report).await
        })
    }

    fn build_custom<'a>(
        &'a self,
        recipe: &'a ImageRecipe,
        sources: &'a ImageSources,
        force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>> {
        Box::pin(async move {
            let images = self.images().await?;
            images.build_custom(recipe, sources, force, report).await
        })
    }

    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        Box::pin(async { self.images().await?.remove_all().await })
    }
}

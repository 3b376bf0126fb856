//! Images that exist by declaration.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use isol8_backend::{
    BackendError, CleanupReport, ImageFacts, ImageInfo, ImageRecipe, ImageSources, ImageStore,
    ReportProgress,
};

/// A store with these custom images, that builds what base images it is asked for.
pub struct FakeImages {
    custom: Vec<ImageInfo>,
    built: Mutex<Vec<String>>,
}

impl FakeImages {
    /// A store with these custom images.
    pub fn new(custom: impl IntoIterator<Item = ImageInfo>) -> Arc<Self> {
        Arc::new(Self {
            custom: custom.into_iter().collect(),
            built: Mutex::default(),
        })
    }

    /// The runtimes whose base images were built, in order.
    pub fn built(&self) -> Vec<String> {
        let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.clone()
    }
}

/// A custom image for `runtime` with these packages and this setup script.
pub fn image(tag: &str, runtime: &str, packages: &[&str], setup_script: Option<&str>) -> ImageInfo {
    ImageInfo {
        tag: tag.to_owned(),
        id: tag.to_owned(),
        facts: ImageFacts {
            runtime: runtime.to_owned(),
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            setup_script: setup_script.map(str::to_owned),
        },
        created: 0,
        size: 0,
    }
}

impl ImageStore for FakeImages {
    fn facts<'a>(
        &'a self,
        image: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageFacts>, BackendError>> {
        let known = self.custom.iter().find(|known| known.tag == image);
        Box::pin(async move { Ok(known.map(|known| known.facts.clone())) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        Box::pin(async { Ok(self.custom.clone()) })
    }

    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        _: &'a ImageSources,
        _: bool,
        _: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.push(runtime.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn build_custom<'a>(
        &'a self,
        recipe: &'a ImageRecipe,
        _: &'a ImageSources,
        _: bool,
        _: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>> {
        panic!("{} is not built by an execution", recipe.tag);
    }

    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        panic!("no engine removes images");
    }
}

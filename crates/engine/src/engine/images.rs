//! The images of an engine: what is known of them, and the build of a base image that is missing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex as StdMutex, OnceLock, PoisonError},
    time::Duration,
};

use isol8_backend::{
    BackendError, BuildProgress, BuildStatus, ImageDetails, ImageInfo, ImageSources, ImageStore,
};
use tokio::sync::Mutex;

use super::{
    pools::{MAX_NAMES, MAX_POOLS},
    remembered::Remembered,
};
use crate::{error::EngineError, image::TrustedImages, runtime::Registry};

/// Most names of images that are remembered: more than those of all pools, which are looked up again and again.
const MAX_REMEMBERED: usize = 2 * MAX_POOLS * MAX_NAMES;

/// How long the build of a missing base image may take. Its steps download some hundred megabytes.
const BUILD_LIMIT: Duration = Duration::from_mins(30);

/// Receives the progress of builds.
pub(super) type OnProgress = Box<dyn Fn(BuildProgress) + Send + Sync>;

/// The images of an engine.
pub(super) struct Images {
    store: Arc<dyn ImageStore>,
    /// Who wants to know of builds.
    pub(super) on_progress: OnceLock<OnProgress>,
    /// One build at a time: the others that need the image find it built.
    building: Mutex<()>,
    custom: Remembered<Vec<ImageInfo>>,
    trusted: TrustedImages,
    /// The images that were warned of.
    untrusted: StdMutex<BTreeSet<String>>,
    by_name: StdMutex<HashMap<String, Remembered<Arc<ImageDetails>>>>,
}

impl Images {
    pub(super) fn new(store: Arc<dyn ImageStore>, trusted: &[String]) -> Self {
        Self {
            store,
            on_progress: OnceLock::new(),
            building: Mutex::new(()),
            custom: Remembered::default(),
            trusted: TrustedImages::named(trusted),
            untrusted: StdMutex::default(),
            by_name: StdMutex::default(),
        }
    }

    /// Builds `image` if it is the base image of a runtime; otherwise gives the error that it is
    /// missing. Dropping the future ends the build.
    pub(super) async fn provide(
        &self,
        registry: &Registry,
        image: &str,
    ) -> Result<(), EngineError> {
        let Some(runtime) = registry.by_image(image) else {
            return Err(BackendError::image_missing(image).into());
        };
        let _one_at_a_time = self.building.lock().await;
        tracing::debug!(image, "building the missing image");
        let sources = ImageSources::default().or_environment()?;
        let report = |progress: BuildProgress| {
            tracing::debug!(step = progress.message, "building the image");
            if let Some(on_progress) = self.on_progress.get() {
                on_progress(progress);
            }
        };
        let building = self
            .store
            .build_base(runtime.name, &sources, false, &report);
        if let Ok(built) = tokio::time::timeout(BUILD_LIMIT, building).await {
            return Ok(built?);
        }
        let reason = format!(
            "it took longer than {} minutes. Check the network of the machine that builds images, or build the image ahead: \
             buildBaseImages() or `isol8 setup` have no limit.",
            BUILD_LIMIT.as_secs() / 60
        );
        let error = BackendError::image_build(runtime.name, &reason);
        report(BuildProgress {
            runtime: runtime.name.to_owned(),
            status: BuildStatus::Error,
            message: Some(error.to_string()),
        });
        Err(error.into())
    }

    /// The name of the custom image that serves a request for these packages best, if there is one.
    pub(super) async fn with_packages(
        &self,
        runtime: &str,
        packages: &[String],
    ) -> Result<Option<String>, EngineError> {
        let store = Arc::clone(&self.store);
        let load = async move { Ok(Some(store.list().await?)) };
        let custom = self.custom.get(load).await?.unwrap_or_default();
        let mut warned = self
            .untrusted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let best = self
            .trusted
            .best_match(&custom, runtime, packages, &mut warned);
        Ok(best.map(|image| image.tag.clone()))
    }

    /// What the image `name` was when the store was asked last, if it was. Asks again in the background
    /// when that is long ago. Never waits.
    pub(super) fn known(&self, name: &str) -> Option<Arc<ImageDetails>> {
        let remembered = self.remembered(name);
        let (details, is_old) = remembered.peek()?;
        if is_old {
            remembered.refresh(self.load(name));
        }
        Some(details)
    }

    /// What the image `name` is now; `None` when there is no such image.
    pub(super) async fn ask(&self, name: &str) -> Result<Option<Arc<ImageDetails>>, EngineError> {
        self.remembered(name).ask(self.load(name)).await
    }

    /// Forgets what is known: an image is gone.
    pub(super) fn forget(&self) {
        self.custom.forget();
        self.by_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn load(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Arc<ImageDetails>>, EngineError>> + Send + use<> {
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        async move { Ok(store.inspect(&name).await?.map(Arc::new)) }
    }

    fn remembered(&self, name: &str) -> Remembered<Arc<ImageDetails>> {
        let mut names = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return known.clone();
        }
        if names.len() >= MAX_REMEMBERED {
            names.clear();
        }
        names.entry(name.to_owned()).or_default().clone()
    }
}

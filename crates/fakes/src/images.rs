//! Images that exist by declaration.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use isol8_backend::{
    BackendError, BuildProgress, BuildStatus, CleanupReport, ImageDetails, ImageFacts, ImageInfo,
    ImageRecipe, ImageSources, ImageStore, ReportProgress,
};

/// A store with these custom images and every base image, which builds what base images it is asked for.
/// The id of an image is its tag, unless a test sets another.
pub struct FakeImages {
    custom: Vec<ImageInfo>,
    /// Ids of names that a test has given, in turn; the last one stays. None for a name without an image.
    named: Mutex<BTreeMap<String, VecDeque<String>>>,
    built: Mutex<Vec<String>>,
    /// Whether a build that has begun never ends.
    hangs: Mutex<bool>,
    looked_up: Mutex<usize>,
}

impl FakeImages {
    /// A store with these custom images.
    pub fn new(custom: impl IntoIterator<Item = ImageInfo>) -> Arc<Self> {
        Arc::new(Self {
            custom: custom.into_iter().collect(),
            named: Mutex::default(),
            built: Mutex::default(),
            hangs: Mutex::default(),
            looked_up: Mutex::default(),
        })
    }

    /// Gives `name` to the image with this id.
    pub fn tag(&self, name: &str, id: &str) {
        self.tag_in_turn(name, [id]);
    }

    /// Gives `name` to these images, one for each look-up. The last one keeps it.
    pub fn tag_in_turn<const N: usize>(&self, name: &str, ids: [&str; N]) {
        let ids = ids.map(str::to_owned).into();
        lock(&self.named).insert(name.to_owned(), ids);
    }

    /// Takes `name` away from every image.
    pub fn remove(&self, name: &str) {
        self.tag_in_turn(name, []);
    }

    /// From now on a build that has begun does not end, or does again.
    pub fn hang_builds(&self, hangs: bool) {
        *lock(&self.hangs) = hangs;
    }

    /// How often an image was looked up.
    pub fn looked_up(&self) -> usize {
        *lock(&self.looked_up)
    }

    /// The runtimes whose base images were built, in order.
    pub fn built(&self) -> Vec<String> {
        lock(&self.built).clone()
    }

    fn id(&self, name: &str) -> Option<String> {
        if let Some(ids) = lock(&self.named).get_mut(name) {
            return match ids.len() {
                0 | 1 => ids.front().cloned(),
                _ => ids.pop_front(),
            };
        }
        let custom = self.custom.iter().find(|known| known.tag == name);
        let base = name.starts_with("isol8:").then(|| name.to_owned());
        custom.map(|known| known.id.clone()).or(base)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        built_here: true,
        created: 0,
        size: 0,
    }
}

impl ImageStore for FakeImages {
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>> {
        *lock(&self.looked_up) += 1;
        let known = self.custom.iter().find(|known| known.tag == name);
        let facts = known.map(|known| known.facts.clone()).unwrap_or_default();
        let details = self.id(name).map(|id| ImageDetails {
            id,
            facts,
            volumes: Vec::new(),
        });
        Box::pin(async move { Ok(details) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        Box::pin(async { Ok(self.custom.clone()) })
    }

    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        _: &'a ImageSources,
        _: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        report(BuildProgress {
            runtime: runtime.to_owned(),
            status: BuildStatus::Building,
            message: Some("a step".to_owned()),
        });
        Box::pin(async move {
            if *lock(&self.hangs) {
                std::future::pending::<()>().await;
            }
            lock(&self.built).push(runtime.to_owned());
            lock(&self.named).remove(&format!("isol8:{runtime}"));
            Ok(())
        })
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

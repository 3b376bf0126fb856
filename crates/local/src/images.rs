//! The runtimes of this machine as images.

use futures::{FutureExt as _, future::BoxFuture};
use isol8_backend::{
    BackendError, BuildProgress, BuildStatus, CleanupReport, ImageDetails, ImageFacts, ImageInfo,
    ImageRecipe, ImageSources, ImageStore, Need, ReportProgress,
};

use crate::{Interpreter, LocalOptions, blocking::blocking, find_interpreter, root};

/// How the images of runtimes are called.
const PREFIX: &str = "isol8:";

/// The runtimes of this machine. Each is an image named `isol8:<runtime>`.
pub struct LocalImages {
    options: LocalOptions,
}

impl LocalImages {
    /// The runtimes that sandboxes with these options have.
    #[must_use]
    pub fn new(options: LocalOptions) -> Self {
        Self { options }
    }

    /// The interpreter of a runtime, and the name of the root that it gets.
    async fn find_interpreter(&self, runtime: &str) -> Result<(Interpreter, String), BackendError> {
        let (options, runtime) = (self.options.clone(), runtime.to_owned());
        blocking(move || {
            let interpreter = find_interpreter(&runtime, &options)?;
            let id = root::id(&runtime, &interpreter);
            Ok((interpreter, id))
        })
        .await?
    }

    async fn find(&self, name: &str) -> Result<ImageDetails, BackendError> {
        let runtime = match root::runtime_of(name) {
            Some(runtime) => runtime,
            None => name
                .strip_prefix(PREFIX)
                .ok_or_else(|| BackendError::unsupported("local", Need::Image))?,
        };
        let (_, id) = self.find_interpreter(runtime).await?;
        Ok(ImageDetails {
            id,
            facts: ImageFacts {
                runtime: runtime.to_owned(),
                ..ImageFacts::default()
            },
            volumes: Vec::new(),
        })
    }
}

impl ImageStore for LocalImages {
    fn inspect<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>, BackendError>> {
        async move { self.find(name).await.map(Some) }.boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<ImageInfo>, BackendError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    /// Nothing is built: the interpreter is there, or the error says what to do.
    fn build_base<'a>(
        &'a self,
        runtime: &'a str,
        _sources: &'a ImageSources,
        _force: bool,
        report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            let (interpreter, _) = self.find_interpreter(runtime).await?;
            report(BuildProgress {
                runtime: runtime.to_owned(),
                status: BuildStatus::Done,
                message: Some(format!("uses {}", interpreter.program.display())),
            });
            Ok(())
        }
        .boxed()
    }

    fn build_custom<'a>(
        &'a self,
        _recipe: &'a ImageRecipe,
        _sources: &'a ImageSources,
        _force: bool,
        _report: ReportProgress<'a>,
    ) -> BoxFuture<'a, Result<bool, BackendError>> {
        async { Err(BackendError::unsupported("local", Need::BuiltImage)) }.boxed()
    }

    /// There are none to remove.
    fn remove_all(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        async { Ok(CleanupReport::default()) }.boxed()
    }
}

//! Images and cleanup as functions.

use std::sync::Arc;

use isol8_backend::{Backend as _, BuildProgress, ImageSources, ImageStore as _};
use isol8_docker::{Client, DockerAddress, DockerBackend, DockerImages};
use isol8_engine::image::{self, CustomImage};
use napi::{Status, threadsafe_function::ThreadsafeFunction};
use napi_derive::napi;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::outcome::{NativeError, NativeOutcome, parse, tree};

/// Steps of a build that wait for JavaScript. More than these are left out.
pub(crate) const PROGRESS_QUEUE: usize = 1024;

/// What base images to build, and from what.
#[derive(Deserialize)]
struct BaseImages {
    #[serde(default)]
    force: bool,
    runtimes: Option<Vec<String>>,
    #[serde(default, flatten)]
    sources: ImageSources,
}

fn client(docker_json: &str) -> Result<Client, NativeError> {
    let address: DockerAddress = parse("options", tree("options", docker_json)?)?;
    address.check()?;
    Ok(Client::new(address))
}

fn images(docker_json: &str) -> Result<DockerImages, NativeError> {
    client(docker_json).map(DockerImages::new)
}

/// Removes our containers.
#[napi]
pub async fn cleanup(docker_json: String) -> NativeOutcome {
    async {
        let backend = DockerBackend::new(client(&docker_json)?, None);
        Ok(backend.clean_up().await?)
    }
    .await
    .into()
}

/// Removes our images.
#[napi]
pub async fn cleanup_images(docker_json: String) -> NativeOutcome {
    async { Ok(images(&docker_json)?.remove_all().await?) }
        .await
        .into()
}

/// Whether an image is there.
#[napi]
pub async fn image_exists(docker_json: String, name: String) -> NativeOutcome {
    async { Ok(images(&docker_json)?.inspect(&name).await?.is_some()) }
        .await
        .into()
}

/// A custom image to build, and from what.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Custom {
    runtime: String,
    packages: Vec<String>,
    tag: Option<String>,
    setup_script: Option<String>,
    #[serde(default)]
    force: bool,
    #[serde(default, flatten)]
    sources: ImageSources,
}

/// JavaScript's callback for progress, as JSON.
type OnProgress = Arc<ThreadsafeFunction<String, (), String, Status, false, true>>;

/// Builds base images. `on_progress` gets JSON, in order and before the promise settles. It must not throw. When it is slow,
/// steps are left out.
#[napi]
pub async fn build_base_images(
    docker_json: String,
    options_json: String,
    on_progress: Arc<ThreadsafeFunction<String, (), String, Status, false, true>>,
) -> NativeOutcome {
    reporting(on_progress, |report| async move {
        let BaseImages {
            force,
            runtimes,
            sources,
        } = parse("options", tree("options", &options_json)?)?;
        let sources = sources.or_environment()?;
        let images = images(&docker_json)?;
        Ok(
            image::build_base_images(&images, runtimes.as_deref(), &sources, force, &*report)
                .await?,
        )
    })
    .await
    .into()
}

/// Builds a custom image; progress as in `build_base_images`.
#[napi]
pub async fn build_custom_image(
    docker_json: String,
    options_json: String,
    on_progress: Arc<ThreadsafeFunction<String, (), String, Status, false, true>>,
) -> NativeOutcome {
    reporting(on_progress, |report| async move {
        let Custom {
            runtime,
            packages,
            tag,
            setup_script,
            force,
            sources,
        } = parse("options", tree("options", &options_json)?)?;
        let sources = sources.or_environment()?;
        let image = CustomImage {
            runtime,
            packages,
            setup_script,
            tag,
        };
        let images = images(&docker_json)?;
        Ok(image::build_custom_image(&images, &image, &sources, force, &*report).await?)
    })
    .await
    .into()
}

/// Runs a build and hands its steps to JavaScript meanwhile.
async fn reporting<T, F>(
    on_progress: OnProgress,
    build: impl FnOnce(Box<dyn Fn(BuildProgress) + Send + Sync>) -> F,
) -> Result<T, NativeError>
where
    F: Future<Output = Result<T, NativeError>>,
{
    let (sender, mut progress) = mpsc::channel(PROGRESS_QUEUE);
    let building = build(Box::new(move |step| {
        // A full queue means that JavaScript is busy. It gets a later step.
        let _ = sender.try_send(step);
    }));
    let reporting = async {
        while let Some(step) = progress.recv().await {
            let Ok(json) = serde_json::to_string(&step) else {
                continue;
            };
            // An error means that JavaScript is gone.
            if on_progress.call_async(json).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(building, reporting).0
}

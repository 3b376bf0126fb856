//! Images and cleanup as functions.

use std::sync::Arc;

use isol8_engine::{
    EngineError,
    backend::{self, DockerAddress, DockerClient},
    image::{self, ImageSources},
};
use napi::{
    Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use serde::Deserialize;

use crate::outcome::{NativeOutcome, malformed};

/// What base images to build, and from what.
#[derive(Deserialize)]
struct BaseImages {
    #[serde(default)]
    force: bool,
    runtimes: Option<Vec<String>>,
    #[serde(default, flatten)]
    sources: ImageSources,
}

fn client(docker_json: &str) -> Result<DockerClient, EngineError> {
    let address: DockerAddress =
        serde_json::from_str(docker_json).map_err(|error| malformed(&error))?;
    Ok(DockerClient::new(address))
}

/// Removes our containers.
#[napi]
pub async fn cleanup(docker_json: String) -> NativeOutcome {
    async { backend::cleanup_containers(&client(&docker_json)?).await }
        .await
        .into()
}

/// Removes our images.
#[napi]
pub async fn cleanup_images(docker_json: String) -> NativeOutcome {
    async { backend::cleanup_images(&client(&docker_json)?).await }
        .await
        .into()
}

/// Whether an image is there.
#[napi]
pub async fn image_exists(docker_json: String, name: String) -> NativeOutcome {
    async { image::image_exists(&client(&docker_json)?, &name).await }
        .await
        .into()
}

/// Builds base images; `on_progress` gets JSON.
#[napi]
pub async fn build_base_images(
    docker_json: String,
    options_json: String,
    on_progress: Arc<ThreadsafeFunction<String, (), String, Status, false, true>>,
) -> NativeOutcome {
    async {
        let BaseImages {
            force,
            runtimes,
            sources,
        } = serde_json::from_str(&options_json).map_err(|error| malformed(&error))?;
        let sources = sources.or_environment()?;
        let tell = |progress| {
            if let Ok(json) = serde_json::to_string(&progress) {
                on_progress.call(json, ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        let client = client(&docker_json)?;
        image::build_base_images(&client, runtimes.as_deref(), &sources, force, &tell).await
    }
    .await
    .into()
}

//! Images when they are needed: which one a plan means, and the build of a base image that is
//! missing.

use tokio::sync::Mutex;

use crate::{
    backend::DockerClient,
    error::EngineError,
    image::{ImageSources, build_base_image},
    runtime::Registry,
};

/// The images of an engine.
pub(super) struct Images {
    client: DockerClient,
    /// One build at a time: the others that need the image find it built.
    building: Mutex<()>,
}

impl Images {
    pub(super) fn new(client: DockerClient) -> Self {
        Self {
            client,
            building: Mutex::new(()),
        }
    }

    /// Builds `image` if it is the base image of a runtime; otherwise gives the error that it is
    /// missing.
    pub(super) async fn provide(
        &self,
        registry: &Registry,
        image: &str,
    ) -> Result<(), EngineError> {
        let Some(runtime) = registry.by_image(image) else {
            return Err(EngineError::ImageMissing {
                image: image.to_owned(),
            });
        };
        let _one_at_a_time = self.building.lock().await;
        tracing::debug!(image, "building the missing image");
        let sources = ImageSources::default().or_environment()?;
        build_base_image(&self.client, runtime.name, &sources, false, &|progress| {
            tracing::debug!(?progress, "image build");
        })
        .await
    }
}

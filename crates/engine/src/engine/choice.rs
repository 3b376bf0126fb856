//! Which image an execution runs in.

use std::sync::Arc;

use isol8_backend::{BackendError, ImageDetails};

use super::{
    chosen_image::ChosenImage,
    lifecycle::{Engine, Inner},
};
use crate::{
    error::EngineError,
    plan::{ExecutionPlan, ImageChoice},
};

/// What an image is wanted for.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) image: &'a ImageChoice,
    pub(super) runtime: &'a str,
}

impl<'a> From<&'a ExecutionPlan> for Wish<'a> {
    fn from(plan: &'a ExecutionPlan) -> Self {
        Self {
            image: &plan.image,
            runtime: &plan.runtime,
        }
    }
}

impl Engine {
    /// The image for `wish`: the one that the caller named; else, when packages are wanted, a custom
    /// one that has them all and as few others as possible; else the runtime's own.
    ///
    /// Waits for the backend only when there is no pool for what is known of the image.
    pub(super) async fn choose(&self, wish: Wish<'_>) -> Result<ChosenImage, EngineError> {
        let (name, described, why) = match wish.image {
            ImageChoice::Explicit(image) => (image.clone(), true, "it was named"),
            ImageChoice::Runtime { image, packages } => {
                match self.find_custom(image, packages).await? {
                    Some(tag) => (tag, true, "it has the packages"),
                    None => (image.clone(), false, "it is the runtime's own"),
                }
            }
        };
        tracing::debug!(image = name, why, "image");
        Ok(ChosenImage {
            details: self.details(&name, wish.runtime).await?,
            name,
            described,
        })
    }

    /// The custom image that has `packages` and is made for the runtime of `base`.
    async fn find_custom(
        &self,
        base: &str,
        packages: &[String],
    ) -> Result<Option<String>, EngineError> {
        if packages.is_empty() {
            return Ok(None);
        }
        let runtime = self.0.registry.by_image(base);
        let runtime = runtime.map_or("", |runtime| runtime.name);
        self.0.images.with_packages(runtime, packages).await
    }

    /// What the image `name` is: as it is known while there is a pool for it, else as the backend reports it.
    pub(super) async fn details(
        &self,
        name: &str,
        runtime: &str,
    ) -> Result<Arc<ImageDetails>, EngineError> {
        let Inner { images, pools, .. } = &*self.0;
        if let Some(known) = images.known(name)
            && pools.has(&known.id, runtime)
        {
            return Ok(known);
        }
        let details = images.ask(name).await?;
        details.ok_or_else(|| BackendError::image_missing(name).into())
    }

    /// The image for `wish` after `error`, if that is that the first choice was not there: a base image is
    /// built, and everything that was known of images is forgotten. Returns any other error.
    pub(super) async fn choose_again(
        &self,
        wish: Wish<'_>,
        error: EngineError,
    ) -> Result<ChosenImage, EngineError> {
        if !error.is_image_missing() {
            return Err(error);
        }
        self.0.images.forget();
        match self.choose(wish).await {
            Err(error) if error.is_image_missing() => {
                let (ImageChoice::Explicit(image) | ImageChoice::Runtime { image, .. }) =
                    wish.image;
                self.0.images.provide(&self.0.registry, image).await?;
                self.choose(wish).await
            }
            chosen => chosen,
        }
    }
}

//! Which image an execution runs in, and what that image has: packages, a setup script.

use std::{borrow::Cow, sync::Arc};

use isol8_api::options::NetworkMode;
use isol8_backend::{BackendError, ImageDetails, ImageFacts};
use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use super::{
    lifecycle::{Engine, Inner},
    pools::Kind,
};
use crate::{
    error::EngineError,
    image::best_match,
    options::{Mode, Options},
    plan::{DENO_DIR, ExecutionPlan, ImageChoice, Step, StepStdin},
    runtime::BAKED_DENO_DIR,
};

/// An image, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct ChosenImage {
    /// The name that led to it.
    pub(super) name: String,
    /// What that name meant.
    pub(super) details: Arc<ImageDetails>,
    /// Whether its labels count: those of a runtime's own image say nothing about an execution.
    described: bool,
}

impl ChosenImage {
    fn facts(&self) -> Cow<'_, ImageFacts> {
        if self.described {
            Cow::Borrowed(&self.details.facts)
        } else {
            Cow::Owned(ImageFacts::default())
        }
    }

    /// `error` with the name of the image, where it speaks of the id.
    pub(super) fn explain(&self, error: EngineError) -> EngineError {
        if error.is_image_missing() {
            return BackendError::image_missing(&self.name).into();
        }
        error
    }
}

/// A plan, changed for the image that was chosen.
pub(super) struct PlanForImage {
    pub(super) plan: ExecutionPlan,
    /// Makes the image's packages usable. Its output is dropped.
    pub(super) prepare: Option<Step>,
    /// The image's setup script.
    pub(super) image_setup: Option<Step>,
}

impl Engine {
    /// The image for `plan`: the one that the caller named; else, when packages are wanted, a custom
    /// one that has them all and as few others as possible; else the runtime's own.
    ///
    /// Waits for the backend only when there is no pool for what is known of the image.
    pub(super) async fn choose(&self, plan: &ExecutionPlan) -> Result<ChosenImage, EngineError> {
        let (name, described, why) = match &plan.image {
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
            details: self.details(&name, &plan.runtime).await?,
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
        let custom = self.0.images.custom().await?;
        Ok(best_match(&custom, runtime, packages).map(|image| image.tag.clone()))
    }

    /// What the image `name` is: as it is known while there is a pool for that, or as the backend says.
    pub(super) async fn details(
        &self,
        name: &str,
        runtime: &str,
    ) -> Result<Arc<ImageDetails>, EngineError> {
        let Inner { images, pools, .. } = &*self.0;
        if let Some(known) = images.known(name)
            && pools.has(&Kind::new(&known.id, runtime))
        {
            return Ok(known);
        }
        let details = images.ask(name).await?;
        details.ok_or_else(|| BackendError::image_missing(name).into())
    }

    /// The image for `plan` after the first choice was not there: a base image is built, and everything
    /// that was known of images is forgotten.
    pub(super) async fn choose_again(
        &self,
        plan: &ExecutionPlan,
    ) -> Result<ChosenImage, EngineError> {
        self.0.images.forget();
        match self.choose(plan).await {
            Err(error) if error.is_image_missing() => {
                let (ImageChoice::Explicit(image) | ImageChoice::Runtime { image, .. }) =
                    &plan.image;
                self.0.images.provide(&self.0.registry, image).await?;
                self.choose(plan).await
            }
            chosen => chosen,
        }
    }
}

/// `plan` as it is carried out in `chosen`: without the installation of packages that the image has.
pub(super) fn plan_for_image(
    mut plan: ExecutionPlan,
    chosen: &ChosenImage,
    options: &Options,
) -> PlanForImage {
    let facts = chosen.facts();
    if plan.install.is_some() && facts.has(&plan.packages) {
        tracing::debug!("nothing to install: the image has the packages");
        plan.install = None;
    }
    let mut image_setup = facts
        .setup_script
        .as_deref()
        .map(|script| plan.setup_step(script));
    let mut prepare = None;
    if facts.runtime == "deno" && !facts.packages.is_empty() {
        let fixed = options.network == NetworkMode::None && options.mode == Mode::Ephemeral;
        if fixed && plan.install.is_none() {
            // Nothing can be added to the modules, so they are used where they are.
            let steps = [&mut plan.request_setup, &mut image_setup];
            let steps = steps.into_iter().flatten().chain([&mut plan.program]);
            steps.for_each(use_baked_modules);
        } else {
            prepare = Some(copy_baked_modules());
        }
    }
    PlanForImage {
        plan,
        prepare,
        image_setup,
    }
}

fn use_baked_modules(step: &mut Step) {
    let session = step.session.iter_mut().flat_map(|call| &mut call.env);
    for (name, value) in step.env.iter_mut().chain(session) {
        if name == "DENO_DIR" && value == DENO_DIR {
            BAKED_DENO_DIR.clone_into(value);
        }
    }
}

/// A copy, since Deno may read only the modules that are in its own folder.
fn copy_baked_modules() -> Step {
    let script = format!("[ -e {DENO_DIR} ] || cp -r {BAKED_DENO_DIR} {DENO_DIR}");
    Step {
        argv: ["sh", "-c", &script].map(str::to_owned).to_vec(),
        env: Vec::new(),
        cwd: SANDBOX_DIR.to_owned(),
        stdin: StepStdin::Empty,
        session: None,
        proxy: ProxyPort::Closed,
    }
}

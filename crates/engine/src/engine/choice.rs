//! Which image an execution runs in, and what that image has: packages, a setup script.

use isol8_api::options::NetworkMode;
use isol8_backend::{ImageFacts, ImageInfo};
use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use super::images::Images;
use crate::{
    error::EngineError,
    image::best_match,
    options::{Mode, Options},
    plan::{DENO_DIR, ExecutionPlan, ImageChoice, Step, StepStdin},
    runtime::{BAKED_DENO_DIR, Registry},
};

/// An image, and the facts in its labels.
#[derive(Debug, Clone)]
pub(super) struct ChosenImage {
    pub(super) image: String,
    /// Whether it was found by its packages, so that another image may serve as well.
    pub(super) found: bool,
    facts: ImageFacts,
}

/// A plan, changed for the image that was chosen.
pub(super) struct PlanForImage {
    pub(super) plan: ExecutionPlan,
    /// Makes the image's packages usable. Its output is dropped.
    pub(super) prepare: Option<Step>,
    /// The image's setup script.
    pub(super) image_setup: Option<Step>,
}

impl Images {
    /// The image for `plan`: the one that the caller named; else, when packages are wanted, a custom
    /// one that has them all and as few others as possible; else the runtime's own.
    pub(super) async fn choose(
        &self,
        registry: &Registry,
        plan: &ExecutionPlan,
    ) -> Result<ChosenImage, EngineError> {
        let chosen = self.look_up(registry, plan).await?;
        let why = match &plan.image {
            ImageChoice::Explicit(_) => "it was named",
            ImageChoice::Runtime { .. } if chosen.found => "it has the packages",
            ImageChoice::Runtime { .. } => "it is the runtime's own",
        };
        tracing::debug!(image = chosen.image, why, "image");
        Ok(chosen)
    }

    async fn look_up(
        &self,
        registry: &Registry,
        plan: &ExecutionPlan,
    ) -> Result<ChosenImage, EngineError> {
        match &plan.image {
            ImageChoice::Explicit(image) => Ok(ChosenImage {
                image: image.clone(),
                found: false,
                // The start of the sandbox reports a missing image.
                facts: self.facts(image).await?.unwrap_or_default(),
            }),
            ImageChoice::Runtime { image, packages } => {
                let runtime = registry.by_image(image).map_or("", |runtime| runtime.name);
                let custom = match packages.as_slice() {
                    [] => None,
                    wanted => best_match(&self.custom().await?, runtime, wanted).cloned(),
                };
                Ok(match custom {
                    Some(ImageInfo { tag, facts, .. }) => ChosenImage {
                        image: tag,
                        found: true,
                        facts,
                    },
                    None => ChosenImage {
                        image: image.clone(),
                        found: false,
                        facts: ImageFacts::default(),
                    },
                })
            }
        }
    }

    /// The image for `plan` after `missing` was not there: a base image is built, and one that was
    /// found by its packages is forgotten.
    pub(super) async fn choose_again(
        &self,
        registry: &Registry,
        missing: ChosenImage,
        plan: &ExecutionPlan,
    ) -> Result<ChosenImage, EngineError> {
        let mut chosen = missing;
        if chosen.found {
            self.forget_custom();
            chosen = self.choose(registry, plan).await?;
        }
        if !chosen.found {
            self.provide(registry, &chosen.image).await?;
        }
        Ok(chosen)
    }
}

/// `plan` as it is carried out in `chosen`: without the installation of packages that the image has.
pub(super) fn plan_for_image(
    mut plan: ExecutionPlan,
    chosen: &ChosenImage,
    options: &Options,
) -> PlanForImage {
    let facts = &chosen.facts;
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

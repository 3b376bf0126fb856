//! Which image an execution runs in, and what that image brings: packages, a setup script.

use isol8_api::options::NetworkMode;
use isol8_backend::{ImageFacts, ImageInfo};
use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use super::top::Engine;
use crate::{
    error::EngineError,
    image::best_match,
    options::Mode,
    plan::{DENO_DIR, ExecutionPlan, ImageChoice, Step, StepStdin},
    runtime::BAKED_DENO_DIR,
};

/// An image, and what its labels say.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) image: String,
    /// Whether it was found by its packages, so that another may do as well.
    pub(super) found: bool,
    facts: ImageFacts,
}

/// What a plan becomes in a particular image.
pub(super) struct FittedPlan {
    pub(super) plan: ExecutionPlan,
    /// Makes the image's packages usable, unheard.
    pub(super) prepare: Option<Step>,
    /// The image's setup script.
    pub(super) image_setup: Option<Step>,
}

impl Engine {
    /// The image for `plan`: the one that the caller named; else, when packages are wanted, a custom
    /// one that has them all and as few others as possible; else the runtime's own.
    pub(super) async fn choose(&self, plan: &ExecutionPlan) -> Result<Chosen, EngineError> {
        let chosen = self.look_up(plan).await?;
        let why = match &plan.image {
            ImageChoice::Explicit(_) => "it was named",
            ImageChoice::Runtime { .. } if chosen.found => "it has the packages",
            ImageChoice::Runtime { .. } => "it is the runtime's own",
        };
        tracing::debug!(image = chosen.image, why, "image");
        Ok(chosen)
    }

    async fn look_up(&self, plan: &ExecutionPlan) -> Result<Chosen, EngineError> {
        match &plan.image {
            ImageChoice::Explicit(image) => Ok(Chosen {
                image: image.clone(),
                found: false,
                // A missing image is the start's to tell.
                facts: self.0.images.facts(image).await?.unwrap_or_default(),
            }),
            ImageChoice::Runtime { image, packages } => {
                let runtime = self
                    .0
                    .registry
                    .by_image(image)
                    .map_or("", |runtime| runtime.name);
                let custom = match packages.as_slice() {
                    [] => None,
                    wanted => best_match(&self.0.images.custom().await?, runtime, wanted).cloned(),
                };
                Ok(match custom {
                    Some(ImageInfo { tag, facts, .. }) => Chosen {
                        image: tag,
                        found: true,
                        facts,
                    },
                    None => Chosen {
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
        missing: Chosen,
        plan: &ExecutionPlan,
    ) -> Result<Chosen, EngineError> {
        let mut chosen = missing;
        if chosen.found {
            self.0.images.forget_custom();
            chosen = self.choose(plan).await?;
        }
        if !chosen.found {
            self.0
                .images
                .provide(&self.0.registry, &chosen.image)
                .await?;
        }
        Ok(chosen)
    }

    /// `plan` as it is carried out in `chosen`: without the installation of what is there.
    pub(super) fn fit(&self, mut plan: ExecutionPlan, chosen: &Chosen) -> FittedPlan {
        let facts = &chosen.facts;
        let options = &self.0.options;
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
                // Nothing can be added to them: they are used where they are.
                let steps = [&mut plan.request_setup, &mut image_setup];
                let steps = steps.into_iter().flatten().chain([&mut plan.program]);
                steps.for_each(use_baked_modules);
            } else {
                prepare = Some(copy_baked_modules());
            }
        }
        FittedPlan {
            plan,
            prepare,
            image_setup,
        }
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

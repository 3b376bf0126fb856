//! The image that an execution runs in, and what its packages and its setup script change in the plan.

use std::{borrow::Cow, sync::Arc};

use isol8_api::options::NetworkMode;
use isol8_backend::{BackendError, ImageDetails, ImageFacts};
use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use crate::{
    error::EngineError,
    options::{Mode, Options},
    plan::{DENO_DIR, ExecutionPlan, Step, StepStdin},
    runtime::BAKED_DENO_DIR,
};

/// An image, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct ChosenImage {
    /// The name that led to it.
    pub(super) name: String,
    /// The image that the name stood for.
    pub(super) details: Arc<ImageDetails>,
    /// Whether its labels count. Those of a runtime's own image do not.
    pub(super) described: bool,
}

impl ChosenImage {
    fn facts(&self) -> Cow<'_, ImageFacts> {
        if self.described {
            Cow::Borrowed(&self.details.facts)
        } else {
            Cow::Owned(ImageFacts::default())
        }
    }

    /// `error`, with the name of the image in place of its id.
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

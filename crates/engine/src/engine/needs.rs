//! What options and requests need for that not every backend has. A backend that lacks something refuses it: nothing
//! that a caller asked for is left out in silence.

use isol8_backend::{Backend, Need};

use crate::{
    error::EngineError,
    options::Options,
    plan::{ExecutionPlan, ImageChoice},
    runtime::Registry,
};

/// The runtime whose packages are those of the distribution.
const DISTRIBUTION_RUNTIME: &str = "bash";

/// Refuses the options that `backend` cannot honour, as far as it knows already.
pub(super) fn check_options(options: &Options, backend: &dyn Backend) -> Result<(), EngineError> {
    let image = options.image.as_deref();
    let needs = [
        (Need::Image, image.is_some_and(is_foreign)),
        (Need::Persist, options.persist),
        (Need::WritableRoot, !options.readonly_root),
        (Need::ContainerRuntime, options.oci_runtime.is_some()),
    ];
    refuse(needs, backend)
}

/// Refuses what `backend` cannot give to `plan`. The backend is in use already, so it knows.
pub(super) fn check_needs(
    options: &Options,
    backend: &dyn Backend,
    plan: &ExecutionPlan,
) -> Result<(), EngineError> {
    check_options(options, backend)?;
    let needs = [
        (
            Need::Image,
            matches!(&plan.image, ImageChoice::Explicit(image) if is_foreign(image)),
        ),
        (
            Need::DistributionPackages,
            plan.install.is_some() && plan.runtime == DISTRIBUTION_RUNTIME,
        ),
    ];
    refuse(needs, backend)
}

/// Whether an image is not that of a runtime. Every backend has those.
fn is_foreign(image: &str) -> bool {
    Registry::default().by_image(image).is_none()
}

fn refuse<const N: usize>(
    needs: [(Need, bool); N],
    backend: &dyn Backend,
) -> Result<(), EngineError> {
    let refused = needs
        .into_iter()
        .filter(|(_, is_needed)| *is_needed)
        .find_map(|(need, _)| backend.refuse(need));
    refused.map_or(Ok(()), |error| Err(error.into()))
}

//! From options and a request to one [`ExecutionPlan`]: everything that can be checked without a
//! sandbox is checked here, before anything is started.

mod build;
mod check;
mod environment;
mod error;
mod limits;
mod parking;
mod paths;
#[cfg(test)]
mod tests;
mod types;

pub use build::{image_setup_step, plan};
pub use check::{check, source};
pub(crate) use environment::DENO_DIR;
pub use error::PlanError;
pub use limits::{MAX_ARGUMENT_BYTES, MAX_ENV_BYTES, MAX_ENV_STRING_BYTES};
pub use parking::{ParkPlan, park_plan};
pub use types::{
    ExecutionPlan, ImageChoice, PlannedFile, RequestSource, SessionCall, Source, Step, StepStdin,
};

//! From options and a request to one [`ExecutionPlan`]: everything that can be checked without a
//! sandbox is checked here, before anything is started.

mod build;
mod environment;
mod error;
mod limits;
mod parking;
mod paths;
mod program;
mod request;
#[cfg(test)]
mod tests;
mod types;

pub use build::plan;
pub(crate) use build::reaches_registries;
pub(crate) use environment::DENO_DIR;
pub use error::PlanError;
pub use limits::LimitError;
pub(crate) use limits::{bytes_of, check_file_in, check_file_out, largest_file};
pub use parking::{ParkPlan, park_plan};
pub(crate) use paths::check_file;
pub(crate) use paths::in_sandbox;
pub use request::CheckedRequest;
pub use types::{
    ExecutionPlan, ImageChoice, PlannedFile, RequestSource, SessionCall, Source, Step, StepStdin,
};

//! What the engine asks of a place that runs sandboxes.
//!
//! A [`Backend`] turns a [`SandboxSpec`] into a byte stream to a started guest. An [`ImageStore`] knows
//! and builds the images that sandboxes run in. The guest and its launchers, which every backend puts
//! into each sandbox, are embedded here.
#![forbid(unsafe_code)]

mod contract;
mod error;
mod exit_guard;
mod guest;
mod hosts;
mod images;
mod need;
#[cfg(unix)]
mod socket;
mod spec;

pub use contract::{Backend, Capacity, CleanupReport, DuplexStream, Started};
pub use error::{BackendError, BackendErrorKind};
pub use exit_guard::{ProcessPart, StartGuard, begin_start, enter_process_part};
pub use guest::{GUEST_DIGEST, GuestFile, guest_files};
pub use hosts::HOSTS;
pub use images::{
    BuildProgress, BuildStatus, ImageDetails, ImageFacts, ImageInfo, ImageRecipe, ImageSources,
    ImageStore, ReportProgress,
};
pub use need::Need;
#[cfg(unix)]
pub use socket::Socket;
pub use spec::{SandboxNetwork, SandboxSpec, SandboxUser, SeccompProfile};

/// Target of log lines that users get even without a log. They are warnings.
pub const NOTICE: &str = "isol8::notice";

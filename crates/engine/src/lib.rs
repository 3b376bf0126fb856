//! The isol8 engine: requests in, results and events out.
//!
//! [`Engine`] runs untrusted code in sandboxes. A sandbox is a byte stream to a small guest (module
//! `sandbox`). Where that stream comes from is the business of a backend, which whoever makes an engine
//! gives to it.
#![forbid(unsafe_code)]

pub mod audit;
mod engine;
mod error;
mod execution;
pub mod fetch;
pub mod image;
mod limits;
mod network;
mod notice;
pub mod options;
pub mod output;
pub mod plan;
pub mod pool;
pub mod runtime;
pub mod sandbox;
mod submission;
pub mod time;

pub use engine::{Engine, EventStream};
pub use error::{EngineError, StepFailure};
pub use notice::NOTICE;
pub use submission::{
    AdapterCommand, LiveInput, LocalFile, LocalFolder, ProgramInput, ProgramSignal, Submission,
    live_input,
};

//! The isol8 engine: requests in, results and events out.
//!
//! [`Engine`] runs untrusted code in sandboxes. A sandbox is a byte stream to a small guest (module
//! `sandbox`). Where that stream comes from is the business of a backend, which whoever makes an engine
//! gives to it.
#![forbid(unsafe_code)]

pub mod audit;
pub mod config;
mod engine;
mod error;
pub mod event;
mod execution;
pub mod fetch;
pub mod image;
mod network;
mod notice;
pub mod options;
pub mod output;
pub mod plan;
pub mod pool;
pub mod request;
pub mod result;
pub mod runtime;
pub mod sandbox;
mod time;

pub use engine::{Engine, EventStream};
pub use error::EngineError;
pub use notice::NOTICE;

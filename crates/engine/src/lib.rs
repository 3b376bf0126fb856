//! The isol8 engine: requests in, results and events out.
#![forbid(unsafe_code)]

pub mod error;
pub mod event;
pub mod options;
pub mod output;
pub mod plan;
pub mod request;
pub mod result;
pub mod runtime;

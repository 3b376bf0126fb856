//! The isol8 engine over HTTP: requests and events of the public contract, under one limit for all callers.
//!
//! A [`Server`] is made from [`Settings`] and from the [`Place`] where its sandboxes run. It serves
//! connections until a token of its [`StopSignal`] is cancelled.
#![forbid(unsafe_code)]

mod app;
mod auth;
mod body;
mod callers;
mod cleanup;
mod configured_images;
mod engines;
mod error;
mod execution;
mod handlers;
mod key_database;
mod limits;
mod listen;
mod metrics;
mod openapi;
mod options;
mod place;
mod queue;
mod readiness;
mod request_id;
mod router;
mod serve;
mod server;
mod sessions;
mod settings;
mod time;

pub use configured_images::{ImageStep, build_configured_images};
pub use key_database::{NoHome, key_database};
pub use listen::{listen, local_host};
pub use place::Place;
pub use serve::{Listener, SocketError, SocketFile, Tls, TlsError};
pub use server::{Server, StopSignal};
pub use settings::{Settings, SettingsError};

//! The client of an isol8 server: every endpoint that users of the engine need, and the events of a program over
//! a `WebSocket` or, where none opens, server-sent events.
//!
//! A server may be hostile or broken. Nothing of unlimited length is kept, nothing is sent to another origin, and a
//! stream that is cut at any byte is an error, never an exit code.
#![forbid(unsafe_code)]

mod answer;
mod certificates;
mod client;
mod connection;
mod error;
mod host;
mod http;
mod input;
mod limits;
mod message;
mod outbox;
mod sse;
mod stream;
mod websocket;

pub use answer::Answer;
pub use client::RemoteClient;
pub use error::{Call, CallError, ConnectionError, Reason};
pub use host::is_same_host;
pub use input::{RemoteInput, input_queue};
pub use stream::RemoteStream;

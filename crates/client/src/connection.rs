//! What the calls of a client share.

use std::sync::atomic::AtomicBool;

use crate::http::Http;

/// The connections to one server.
pub(crate) struct Connection {
    pub(crate) http: Http,
    /// Whether the next stream tries a `WebSocket`. Not after one that did not open.
    pub(crate) use_websocket: AtomicBool,
}

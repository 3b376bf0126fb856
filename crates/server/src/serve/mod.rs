//! Serving: connections accepted, carried and ended.

mod connection;
mod listener;
mod meter;
mod server;
mod strangers;
mod tls;
mod unix_socket;
mod visitor;
mod write_timeout;

pub use listener::Listener;
pub(crate) use meter::Meter;
pub use server::{Server, StopSignal};
pub use tls::{Tls, TlsError};
pub use unix_socket::{SocketError, SocketFile};
pub(crate) use visitor::Visitor;

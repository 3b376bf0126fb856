//! Serving: connections accepted, carried and ended.

mod connection;
mod doors;
mod listener;
mod meter;
mod strangers;
mod tls;
mod unix_socket;
mod visitor;
mod write_timeout;

pub(crate) use connection::Ends;
pub(crate) use doors::Doors;
pub use listener::Listener;
pub(crate) use meter::Meter;
pub use tls::{Tls, TlsError};
pub use unix_socket::{SocketError, SocketFile};
pub(crate) use visitor::Visitor;

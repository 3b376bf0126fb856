//! HTTP/1.1 towards the client and towards upstream. Each request is judged, rebuilt and sent.

mod exchange;
mod outgoing;
mod session;
mod upgraded;
mod upstream;

pub(crate) use session::{Mode, serve};
pub(crate) use upgraded::{Tunnel, Upgraded};

//! A live sandbox: the link to its guest, and what the guest can be asked to do.

mod exec;
mod files;
mod link;
mod live;
mod wire;

pub use exec::{Exec, ExecEvent};
pub use link::{InboundStreams, LinkStream};
pub use live::Sandbox;

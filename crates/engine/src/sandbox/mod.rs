//! A live sandbox: the link to its guest, and what the guest can be asked to do.

mod batch;
mod exec;
mod file_batch;
mod files;
mod link;
mod live;
mod park;
#[cfg(test)]
pub(crate) mod testing;
mod wire;

pub use exec::{Exec, ExecEvent, ExecInput};
pub use file_batch::IncomingFiles;
pub use link::{InboundStreams, LinkStream};
pub use live::{Resetting, Sandbox};
pub use park::{Begun, Parker};

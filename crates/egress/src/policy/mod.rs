//! Who may be reached. Pure: no lookups, no sockets.
//!
//! `rules` decides, in this order: the blacklist, the whitelist, the port, and for each resolved
//! address the address rules. A pattern that cannot be matched in time denies.

mod allow_list;
mod denial;
mod error;
mod extra_host;
mod host_pattern;
mod options;
mod ownership;
mod pattern_list;
mod rules;

pub use allow_list::AllowList;
pub use denial::Denial;
pub use error::PolicyError;
pub use extra_host::ExtraHost;
pub use options::PolicyOptions;
pub(crate) use rules::PortKind;
pub use rules::{Grant, Policy};

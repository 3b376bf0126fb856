//! The processes of the sandbox, and the guest's own children that do its work.
//!
//! ```text
//! reaper   the one caller of wait                 as_user  forked children with the user's rights
//! tree     the list of the processes              helper   those that do the guest's own work
//! kill     their end, of one program or of all    share    a child that shares the guest's memory
//! signals  signalfd: children, termination        spare    places that are kept free for the guest
//! ```

pub(crate) mod as_user;
pub(crate) mod helper;
pub(crate) mod kill;
pub(crate) mod reaper;
mod share;
pub(crate) mod signals;
pub(crate) mod spare;
pub(crate) mod tree;

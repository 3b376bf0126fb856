//! The writable places of a sandbox: found at its start, and emptied by a reset.
//!
//! ```text
//! sweep        empties them, and verifies that   mounts  places that a reset cannot restore
//! attributes   what a directory's owner can set  inside  volumes inside other writable places
//! sandbox_dir  the directory of programs, where it is root's
//! ```

pub(crate) mod attributes;
pub(crate) mod inside;
pub(crate) mod mounts;
pub(crate) mod sandbox_dir;
pub(crate) mod sweep;

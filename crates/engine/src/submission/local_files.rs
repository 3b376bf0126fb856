//! Files of this machine that go into a sandbox.

use std::path::PathBuf;

/// A file of this machine that is read while it is sent, so that it is never in memory as a whole.
///
/// It names a path of the host, so it comes from the engine's owner and never out of a request's JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is written. A relative path is taken from `/sandbox`.
    pub path: String,
    /// What is read: a regular file, not a link.
    pub source: PathBuf,
    /// How many bytes are read. A file that has fewer is an error; one that has more has grown since, and its beginning
    /// is sent.
    pub bytes: u64,
}

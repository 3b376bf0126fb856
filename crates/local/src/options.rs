//! What callers choose.

use std::path::PathBuf;

/// How local sandboxes are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LocalOptions {
    /// What happens where the system offers no control groups or no overlay file system.
    pub limits: Limits,
    /// Directory with runtimes that were installed for sandboxes, `<runtime>/bin/<program>`. They are preferred to the
    /// system's. Default: none.
    pub runtimes_dir: Option<PathBuf>,
}

/// What happens where the system offers no control groups for memory, processes or processor time, or no overlay file
/// system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Limits {
    /// No sandbox is started, and the error names what is missing.
    #[default]
    Required,
    /// The sandbox has the limits that can be had without: the number of its processes, the sizes of its file
    /// systems, and its memory as the guest sees it every 50 ms. It may share inodes with the host.
    BestEffort,
}

//! Directories of the spawner's own root.

/// What becomes the root of sandboxes, in the spawner's root.
pub(crate) const ROOT: &str = "/root";

/// An empty directory.
pub(crate) const EMPTY: &str = "/empty";

/// Files for sandboxes with the host's network.
pub(crate) const HOST_NETWORK: &str = "/host";

/// A path of a sandbox, as the spawner sees it.
pub(crate) fn in_root(path: &str) -> String {
    format!("{ROOT}{path}")
}

//! Where the sandboxes of a server run.

use std::sync::Arc;

use isol8_backend::{Backend, ImageStore};

/// A place that runs sandboxes, as whoever makes a server assembles it.
pub trait Place: Send + Sync + 'static {
    /// The backend whose sandboxes the container runtime `oci_runtime` runs; the place's own when it is
    /// `None`. Called once for each engine, and does no I/O.
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend>;

    /// The images that the sandboxes run in.
    fn images(&self) -> Arc<dyn ImageStore>;
}

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

/// A place whose sandboxes say nothing.
#[cfg(test)]
pub(crate) struct Nowhere;

#[cfg(test)]
impl Place for Nowhere {
    fn backend(&self, _: Option<&str>) -> Arc<dyn Backend> {
        isol8_fakes::FakeBackend::new([])
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        isol8_fakes::FakeImages::new([])
    }
}

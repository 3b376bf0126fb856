//! The guest's own memory. After a request that took much of it, the guest gives it back to the kernel. It keeps a
//! small surplus, because giving that back and getting it again costs more than the start of a small program.

use nix::libc;

/// Growth of the heap since the start that is kept, in bytes.
const KEPT_BYTES: usize = 192 * 1024;

/// The heap as it was at the start.
pub(crate) struct Heap {
    end: usize,
}

impl Heap {
    pub(crate) fn now() -> Self {
        Self { end: end() }
    }

    /// Gives free memory back, if the heap has grown.
    pub(crate) fn trim(&self) {
        if end().saturating_sub(self.end) > KEPT_BYTES {
            // SAFETY: gives memory that nothing uses back to the system; no argument is involved.
            unsafe { libc::malloc_trim(0) };
        }
    }
}

/// Returns the end of the heap.
fn end() -> usize {
    // SAFETY: asks for the end and changes nothing.
    unsafe { libc::sbrk(0) }.addr()
}

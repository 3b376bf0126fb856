//! The guest's own memory, given back to the system after requests that took much of it. Less than that
//! stays: to give it back and to get it again costs more than a small program's start.

use nix::libc;

/// Growth of the heap since the start that may stay, in bytes.
const KEPT_BYTES: usize = 192 * 1024;

/// The heap as it was at the start.
pub(crate) struct Heap {
    end: usize,
}

impl Heap {
    pub(crate) fn now() -> Self {
        Self { end: end() }
    }

    /// Gives back what is free, if the heap has grown.
    pub(crate) fn trim(&self) {
        if end().saturating_sub(self.end) > KEPT_BYTES {
            // SAFETY: gives memory that nothing uses back to the system; no argument is involved.
            unsafe { libc::malloc_trim(0) };
        }
    }
}

/// Where the heap ends.
fn end() -> usize {
    // SAFETY: asks for the end and moves nothing.
    unsafe { libc::sbrk(0) }.addr()
}

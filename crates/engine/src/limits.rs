//! Limits of command lines and environments.

use isol8_protocol::{MAX_FRAME_BYTES, MAX_INLINE_BYTES};

/// Largest program text, prompt or script inside a command line, in bytes. Linux refuses a single
/// argument of 128 KiB (`MAX_ARG_STRLEN`); what is longer goes into a file.
pub(crate) const MAX_ARGUMENT_BYTES: usize = 100 * 1024;

/// Largest `NAME=value` in bytes, without its final NUL: Linux's `MAX_ARG_STRLEN` again.
pub(crate) const MAX_ENV_STRING_BYTES: usize = 128 * 1024 - 2;

/// Largest sum of all environment strings of a request, in bytes.
pub(crate) const MAX_ENV_BYTES: usize = 384 * 1024;

// Command line, environment and inline data travel in one frame, with room for their lengths.
const _: () = assert!(
    2 * MAX_ARGUMENT_BYTES + MAX_ENV_BYTES + MAX_INLINE_BYTES + 64 * 1024 <= MAX_FRAME_BYTES
);

//! All limits of the protocol. Both sides check lengths against these before they allocate.

/// Largest payload of one frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// Largest sum of file contents and stdin carried inside an [`ExecRequest`](crate::ExecRequest), in
/// bytes. Larger contents travel in separate streams, so that the guest's memory stays small.
pub const MAX_INLINE_BYTES: usize = 256 * 1024;

/// Largest number of files that one message writes or asks for. The sum of their paths and contents is
/// at most [`MAX_INLINE_BYTES`].
pub const MAX_BATCH_FILES: usize = 4096;

/// Largest number of logical streams that are open at once on one link.
pub const MAX_STREAMS: usize = 512;

/// Largest number of egress connections that a sandbox has at once. Further ones wait to be accepted.
pub const MAX_EGRESS_STREAMS: usize = 256;

/// Least sum of the receive windows of one link, in bytes. Yamux gives each stream at least 256 KiB.
pub const MIN_WINDOW_BYTES: usize = 256 * 1024 * MAX_STREAMS;

/// Largest sum of the receive windows of one link, in bytes. It limits what a peer may have in flight.
pub const MAX_WINDOW_BYTES: usize = MIN_WINDOW_BYTES + 16 * 1024 * 1024;

// A frame must be able to hold a request whose inline part is full, with room for env and argv.
const _: () = assert!(MAX_FRAME_BYTES >= 2 * MAX_INLINE_BYTES);
// The lengths of a batch take at most ten bytes a file.
const _: () = assert!(MAX_INLINE_BYTES + 10 * MAX_BATCH_FILES < MAX_FRAME_BYTES);
// Streams that have ended count for a moment longer, and the host needs some streams for itself.
const _: () = assert!(MAX_STREAMS >= 2 * MAX_EGRESS_STREAMS);

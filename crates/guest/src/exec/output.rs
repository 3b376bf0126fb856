//! Output of a program on its way to the host. It goes as fast as the host takes it. At most one frame of it
//! is in memory.

use isol8_protocol::{FRAME_HEADER_BYTES, FrameKind};
use tokio::sync::Notify;

use crate::{
    fd::Fd,
    link::frames::{FrameWriter, OUTPUT_FRAME_BYTES, StreamError},
};

/// First size of the buffer for output, in bytes. Most programs write little. A larger buffer would be freed
/// and allocated again for every program.
const FIRST_FRAME_BYTES: usize = 4 * 1024;

/// Buffer for bytes that are thrown away.
const DISCARD_BYTES: usize = 4 * 1024;

/// One output stream.
pub(super) struct Source {
    pipe: Fd,
    kind: FrameKind,
    ended: bool,
    /// Bytes read so far.
    total: u64,
}

impl Source {
    pub(super) fn new(pipe: Fd, kind: FrameKind) -> Self {
        Self {
            pipe,
            kind,
            ended: false,
            total: 0,
        }
    }

    /// Reads one byte, and returns whether it is `mark`. What follows stays in the pipe.
    pub(super) async fn take_mark(&mut self, mark: u8) -> bool {
        let mut byte = [0];
        matches!(self.pipe.read(&mut byte).await, Ok(1)) && byte[0] == mark
    }

    /// Whether the pipe has bytes to read.
    pub(super) fn has_pending(&self) -> bool {
        self.pipe.pending() > 0
    }

    /// The bytes in the pipe, at most `limit` of them, as text.
    pub(super) fn pending_text(&self, limit: usize) -> String {
        let mut buffer = vec![0; limit.min(self.pipe.pending())];
        let count = match self.pipe.try_read(&mut buffer) {
            Some(Ok(count)) => count,
            _ => 0,
        };
        String::from_utf8_lossy(&buffer[..count]).trim().to_owned()
    }

    /// Sets the count of bytes to zero.
    pub(super) fn restart(&mut self) {
        self.total = 0;
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Reads at most `room` bytes of what is there, and sends what is within the limit. Returns how
    /// much was read, 0 when nothing is there.
    async fn forward(&mut self, to: &mut Target<'_>, room: usize) -> Result<usize, StreamError> {
        let room = room.min(to.frame.len() - FRAME_HEADER_BYTES);
        let buffer = &mut to.frame[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + room];
        let count = match self.pipe.try_read(buffer) {
            None => return Ok(0),
            Some(Ok(count)) if count > 0 => count,
            Some(_) => {
                self.ended = true;
                return Ok(0);
            }
        };
        let allowed = to.limit.saturating_sub(self.total);
        self.total = self.total.saturating_add(count as u64);
        let sent = count.min(usize::try_from(allowed).unwrap_or(usize::MAX));
        if sent > 0 {
            to.writer.payload(self.kind, &mut to.frame, sent).await?;
        }
        if count == to.frame.len() - FRAME_HEADER_BYTES {
            to.frame.resize(OUTPUT_FRAME_BYTES, 0);
        }
        Ok(count)
    }

    /// Forwards what is in the pipe now. Later output is not waited for: a process that lives on may write for
    /// ever.
    async fn drain(&mut self, to: &mut Target<'_>) -> Result<(), StreamError> {
        let mut pending = self.pipe.pending();
        while pending > 0 && !self.ended {
            match self.forward(to, pending).await? {
                0 => break,
                count => pending -= count.min(pending),
            }
        }
        Ok(())
    }

    /// Throws away the output of processes that outlive their program, until the last of them has ended.
    /// Without a reader, their next line of output would kill them.
    pub(super) async fn discard(self) {
        let mut buffer = [0; DISCARD_BYTES];
        while matches!(self.pipe.read(&mut buffer).await, Ok(1..)) {}
    }
}

/// Where output goes.
pub(super) struct Target<'a> {
    writer: &'a mut FrameWriter,
    frame: Vec<u8>,
    limit: u64,
}

impl<'a> Target<'a> {
    /// Sends at most `limit` bytes of each stream.
    pub(super) fn new(writer: &'a mut FrameWriter, limit: u64) -> Self {
        Self {
            writer,
            frame: vec![0; FIRST_FRAME_BYTES],
            limit,
        }
    }
}

/// Forwards both streams until the program has `ended`, and then what is left in them.
pub(super) async fn forward(
    stdout: &mut Source,
    stderr: &mut Source,
    mut to: Target<'_>,
    ended: &Notify,
) -> Result<(), StreamError> {
    let ended = ended.notified();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = stdout.pipe.readable(), if !stdout.ended => {
                stdout.forward(&mut to, usize::MAX).await?;
            }
            _ = stderr.pipe.readable(), if !stderr.ended => {
                stderr.forward(&mut to, usize::MAX).await?;
            }
            () = &mut ended => break,
        }
    }
    stdout.drain(&mut to).await?;
    stderr.drain(&mut to).await
}

//! Output of a program on its way to the host. It goes as fast as the host takes it. At most one frame of it
//! is in memory.

use std::io;

use isol8_protocol::{FRAME_HEADER_BYTES, FrameKind};
use tokio::{sync::Notify, time::sleep};

use crate::{
    failure::{Failure, RequestError},
    fd::Fd,
    link::frames::{FrameWriter, OUTPUT_FRAME_BYTES},
    shortage::{RETRY_INTERVAL, is_shortage},
};

/// First size of the buffer for output, in bytes. Most programs write little. A larger buffer would be freed
/// and allocated again for every program.
const FIRST_FRAME_BYTES: usize = 4 * 1024;

/// How often the guest tries to read what the system has no memory for: for two seconds at least.
const MOST_ATTEMPTS: u32 = 1000;

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
    async fn forward(&mut self, to: &mut Target<'_>, room: usize) -> Result<usize, RequestError> {
        let room = room.min(to.frame.len() - FRAME_HEADER_BYTES);
        let buffer = &mut to.frame[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + room];
        let read = read(&self.pipe, buffer, to.on_shortage).await;
        let read = read.map_err(|error| Failure::system("cannot read the output", &error))?;
        let count = match read {
            None => return Ok(0),
            Some(0) => {
                self.ended = true;
                return Ok(0);
            }
            Some(count) => count,
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
    async fn drain(&mut self, to: &mut Target<'_>) -> Result<(), RequestError> {
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
        loop {
            match self.pipe.read(&mut buffer).await {
                Ok(1..) => {}
                Err(error) if is_shortage(&error) => sleep(RETRY_INTERVAL).await,
                _ => break,
            }
        }
    }
}

/// Reads what is there: 0 bytes at the end, `None` when nothing is there. Where the system has no memory for that, it
/// calls `on_shortage` and tries again a little later.
async fn read(pipe: &Fd, buffer: &mut [u8], on_shortage: &dyn Fn()) -> io::Result<Option<usize>> {
    let mut attempt = 1;
    loop {
        match pipe.try_read(buffer).transpose() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_shortage(&error) && attempt < MOST_ATTEMPTS => {
                on_shortage();
                attempt += 1;
                sleep(RETRY_INTERVAL).await;
            }
            done => return done,
        }
    }
}

/// Where output goes.
pub(super) struct Target<'a> {
    writer: &'a mut FrameWriter,
    frame: Vec<u8>,
    limit: u64,
    /// Called when the system has no memory for a read.
    on_shortage: &'a dyn Fn(),
}

impl<'a> Target<'a> {
    /// Sends at most `limit` bytes of each stream.
    pub(super) fn new(writer: &'a mut FrameWriter, limit: u64, on_shortage: &'a dyn Fn()) -> Self {
        Self {
            writer,
            frame: vec![0; FIRST_FRAME_BYTES],
            limit,
            on_shortage,
        }
    }
}

/// Forwards both streams until the program has `ended`, and then what is left in them.
pub(super) async fn forward(
    stdout: &mut Source,
    stderr: &mut Source,
    mut to: Target<'_>,
    ended: &Notify,
) -> Result<(), RequestError> {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use nix::{libc, unistd::pipe};

    use super::*;
    use crate::shortage::testing::{BYTES, Closed};

    #[tokio::test]
    async fn output_that_the_system_had_no_memory_for_is_read_later() {
        let (reader, writer) = pipe().unwrap();
        let reader = Fd::new(reader).unwrap();
        let memory = Closed::new();
        nix::unistd::write(&writer, b"kept").unwrap();
        let shortages = Cell::new(0);
        let on_shortage = || {
            shortages.set(shortages.get() + 1);
            if shortages.get() == 2 {
                memory.open();
            }
        };
        let count = read(&reader, memory.bytes(), &on_shortage).await.unwrap();
        assert_eq!((count, shortages.get()), (Some(4), 2));
        assert_eq!(&memory.bytes()[..4], b"kept");
        assert_eq!(
            read(&reader, memory.bytes(), &on_shortage).await.unwrap(),
            None
        );
        drop(writer);
        assert_eq!(
            read(&reader, memory.bytes(), &on_shortage).await.unwrap(),
            Some(0)
        );
    }

    #[tokio::test]
    async fn a_shortage_that_lasts_is_an_error() {
        let (reader, writer) = pipe().unwrap();
        let reader = Fd::new(reader).unwrap();
        nix::unistd::write(&writer, b"lost").unwrap();
        let memory = Closed::new();
        let error = read(&reader, memory.bytes(), &|| ()).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
        assert_eq!(reader.pending(), 4);
    }

    #[tokio::test]
    async fn another_error_is_not_the_end_of_the_output() {
        let (_reader, writer) = pipe().unwrap();
        // Nobody can read from this end.
        let writer = Fd::new(writer).unwrap();
        let mut buffer = vec![0; BYTES];
        let error = read(&writer, &mut buffer, &|| panic!("there is memory")).await;
        assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}

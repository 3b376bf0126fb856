//! What the guest sends to the host, collected into few writes.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::Interest,
    time::{Instant, Sleep, sleep},
};

use crate::{
    fd::{Fd, write_vectored},
    shortage::{RETRY_INTERVAL, is_shortage},
};

/// Bytes collected before a write to the link.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// A body of at least this many bytes is written without a copy.
const DIRECT_WRITE_BYTES: usize = 8 * 1024;

/// Bytes for the host.
///
/// yamux flushes after each of its frames. Here a flush only collects bytes. The driver writes once, when
/// nothing more is ready. So the last output of a program and its exit are one write.
pub(super) struct Outgoing {
    fd: OwnedFd,
    /// The same descriptor in the event loop, while there is no room for more.
    full: Option<Fd>,
    pub(super) buffer: Vec<u8>,
    /// Called when the system has no memory for what is to be sent.
    on_shortage: Box<dyn Fn()>,
    is_short: bool,
    /// The end of the wait for memory. Made ahead, as there may be no memory for it then.
    retry: Pin<Box<Sleep>>,
}

impl Outgoing {
    pub(super) fn new(fd: OwnedFd, on_shortage: Box<dyn Fn()>) -> Self {
        Self {
            fd,
            full: None,
            buffer: Vec::new(),
            on_shortage,
            is_short: false,
            retry: Box::pin(sleep(Duration::ZERO)),
        }
    }

    /// Writes the collected bytes, and then some of `bytes`. Where the system has no memory for them, it calls
    /// `on_shortage` and tries again a little later. The host has a time limit of its own for a guest that does not answer.
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.is_short {
                ready!(self.retry.as_mut().poll(cx));
                self.is_short = false;
            }
            match ready!(self.poll_send_now(cx, bytes)) {
                Err(error) if is_shortage(&error) => {
                    (self.on_shortage)();
                    self.is_short = true;
                    self.retry.as_mut().reset(Instant::now() + RETRY_INTERVAL);
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_send_now(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let parts = [io::IoSlice::new(&self.buffer), io::IoSlice::new(bytes)];
        let parts = if bytes.is_empty() {
            &parts[..1]
        } else {
            &parts
        };
        let sent = match &self.full {
            Some(fd) => ready!(fd.poll_write(cx, parts)),
            None => write_vectored(&self.fd, parts),
        };
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let fd = Fd::with_interest(self.fd.try_clone()?, Interest::WRITABLE)?;
                self.full.insert(fd).poll_write(cx, parts)
            }
            sent => {
                // An earlier attempt with other bytes may wait for this.
                if self.full.take().is_some() {
                    cx.waker().wake_by_ref();
                }
                Poll::Ready(sent)
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let count = ready!(self.poll_send(cx, &[]))?;
            self.buffer.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        while bytes.len() >= DIRECT_WRITE_BYTES {
            let count = ready!(self.poll_send(cx, bytes))?;
            let collected = count.min(self.buffer.len());
            self.buffer.drain(..collected);
            if count > collected {
                return Poll::Ready(Ok(count - collected));
            }
        }
        if self.buffer.len() >= WRITE_BUFFER_BYTES {
            ready!(self.poll_flush(cx))?;
        }
        let count = bytes.len().min(WRITE_BUFFER_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, rc::Rc};

    use nix::unistd::pipe;

    use super::*;
    use crate::shortage::testing::Closed;

    #[tokio::test]
    async fn what_the_system_had_no_memory_for_is_sent_later() {
        let memory = Rc::new(Closed::new());
        let shortages = Rc::new(Cell::new(0));
        let on_shortage = {
            let (memory, shortages) = (Rc::clone(&memory), Rc::clone(&shortages));
            move || {
                shortages.set(shortages.get() + 1);
                if shortages.get() == 2 {
                    memory.open();
                }
            }
        };
        let (reader, writer) = pipe().unwrap();
        let mut outgoing = Outgoing::new(writer, Box::new(on_shortage));
        let bytes = &memory.bytes()[..DIRECT_WRITE_BYTES];
        let sent = poll_fn(|cx| outgoing.poll_write(cx, bytes)).await.unwrap();
        assert_eq!((sent, shortages.get()), (DIRECT_WRITE_BYTES, 2));
        let mut received = vec![1; DIRECT_WRITE_BYTES + 1];
        let count = nix::unistd::read(&reader, &mut received).unwrap();
        assert_eq!(count, DIRECT_WRITE_BYTES, "nothing is sent twice");
    }

    #[tokio::test]
    async fn an_error_that_lasts_is_seen() {
        let (reader, _writer) = pipe().unwrap();
        let on_shortage = || panic!("there is memory");
        // Nobody can write to this end.
        let mut outgoing = Outgoing::new(reader, Box::new(on_shortage));
        outgoing.buffer.push(0);
        let error = poll_fn(|cx| outgoing.poll_flush(cx)).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::EBADF));
    }
}

//! The connection of a guest. The event loop waits for it in one direction only: who waits to write as
//! well is woken each time the other side has read, while a program wants the processor.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd};

/// A connected socket.
pub struct Socket {
    socket: AsyncFd<UnixStream>,
    /// The same, while there is no room for more.
    full: Option<AsyncFd<UnixStream>>,
}

impl Socket {
    /// The connection `socket`, which does not block.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self {
            socket: watch(socket, Interest::READABLE)?,
            full: None,
        })
    }

    /// Waits until there is something to read, or the other side has ended.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await.map(drop)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }
}

/// Adds a socket to the event loop.
#[expect(
    deprecated,
    reason = "it warns of types that lie about their descriptor; its replacement is unsafe code"
)]
fn watch(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(socket, interest)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(cx))?;
            let unfilled = buffer.initialize_unfilled();
            let room = unfilled.len();
            let Ok(read) = guard.try_io(|socket| socket.get_ref().read(unfilled)) else {
                continue;
            };
            let count = read?;
            buffer.advance(count);
            // Less than there is room for is all that there is.
            if count > 0 && count < room {
                guard.clear_ready();
            }
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut socket = self.socket.get_ref();
            match socket.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    // An earlier attempt, with other bytes, may be waiting for this.
                    if self.full.take().is_some() {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Ready(written);
                }
            }
            if self.full.is_none() {
                let again = self.socket.get_ref().try_clone()?;
                self.full = Some(watch(again, Interest::WRITABLE)?);
            }
            if let Some(full) = &self.full {
                let mut guard = ready!(full.poll_write_ready(cx))?;
                // The next write shows whether that is still so.
                guard.clear_ready();
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::Wake,
    };

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// More than a socket holds.
    const BYTES: usize = 4 * 1024 * 1024;

    fn pair() -> (Socket, Socket) {
        let (one, other) = UnixStream::pair().unwrap();
        for socket in [&one, &other] {
            socket.set_nonblocking(true).unwrap();
        }
        (Socket::new(one).unwrap(), Socket::new(other).unwrap())
    }

    #[tokio::test]
    async fn what_does_not_fit_is_sent_when_there_is_room() {
        let (mut one, mut other) = pair();
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(BYTES).collect();
        let mut received = vec![0; BYTES];
        let send = async {
            one.write_all(&bytes).await.unwrap();
            one.write_all(b"after").await.unwrap();
        };
        let mut after = [0; 5];
        let receive = async {
            tokio::task::yield_now().await;
            other.read_exact(&mut received).await.unwrap();
            other.read_exact(&mut after).await.unwrap();
        };
        tokio::join!(send, receive);
        assert!(received == bytes && after == *b"after");
        assert!(one.full.is_none(), "it is waited for no more");
    }

    #[tokio::test]
    async fn who_was_told_to_wait_is_woken_although_another_attempt_finds_room() {
        let (mut one, mut other) = pair();
        let waits = Arc::new(Woken::default());
        let waker = Arc::clone(&waits).into();
        let cx = &mut Context::from_waker(&waker);
        let part = vec![0; BYTES];
        while Pin::new(&mut one).poll_write(cx, &part).is_ready() {}
        let (mut buffer, other) = (vec![0; BYTES], other.socket.get_mut());
        while other.read(&mut buffer).is_ok() {}
        waits.0.store(false, Ordering::Relaxed);
        assert!(Pin::new(&mut one).poll_write(cx, b"x").is_ready());
        assert!(waits.0.load(Ordering::Relaxed));
    }

    /// Notes that it was woken.
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn both_directions_and_the_end() {
        let (mut one, mut other) = pair();
        one.write_all(b"there").await.unwrap();
        let mut bytes = [0; 5];
        other.read_exact(&mut bytes).await.unwrap();
        other.write_all(b"and back").await.unwrap();
        drop(other);
        let mut rest = Vec::new();
        one.read_to_end(&mut rest).await.unwrap();
        assert_eq!((bytes, rest.as_slice()), (*b"there", &b"and back"[..]));
        assert!(one.write_all(b"x").await.is_err());
    }
}

//! Descriptors in the event loop: pipes and sockets read and written without blocking.

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
    task::{Context, Poll, ready},
};

use nix::{
    cmsg_space,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
        sendmsg, socketpair,
    },
    unistd::pipe2,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::user::rights::with_rights_of_user;

/// Capacity of a pipe, in bytes. Larger pipes would use up the limit that all processes of root share (64 MiB
/// by default, shared with every other sandbox).
const PIPE_BYTES: i32 = 256 * 1024;

/// A pipe or socket of the event loop.
pub(crate) struct Fd(AsyncFd<OwnedFd>);

/// Makes reads of `fd` block again.
pub(crate) fn make_blocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Makes reads and writes of `fd` return at once.
pub(crate) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Fd {
    /// Makes `fd` non-blocking and adds it to the event loop.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Self::with_interest(fd, Interest::READABLE | Interest::WRITABLE)
    }

    /// Makes `fd` non-blocking and adds it to the event loop, for one direction.
    pub(crate) fn with_interest(fd: OwnedFd, interest: Interest) -> io::Result<Self> {
        set_nonblocking(&fd)?;
        // SAFETY: an `OwnedFd` is open and names one description until it is dropped, and it is
        // only ever borrowed here.
        Ok(Self(unsafe {
            AsyncFd::register_with_interest(fd, interest)
        }?))
    }

    pub(crate) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            if let Ok(done) = guard.try_io(|fd| Ok(nix::unistd::read(fd, buffer)?)) {
                return Poll::Ready(done);
            }
        }
    }

    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(done) = guard.try_io(|fd| write_vectored(fd.get_ref(), parts)) {
                return Poll::Ready(done);
            }
        }
    }

    /// Reads the bytes that have arrived. Returns 0 at the end. Cancel safe: nothing is lost.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// Receives the bytes that have arrived at a socket, with the first descriptor that comes with them.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        loop {
            let mut guard = self.0.readable().await?;
            if let Ok(done) = guard.try_io(|fd| receive(fd.get_ref(), buffer)) {
                return done;
            }
        }
    }

    /// Waits until a read would not block. Cancel safe.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.0
            .readable()
            .await
            .map(|mut guard| guard.retain_ready())
    }

    /// Reads the bytes that have arrived. Returns `None` when a read would block.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let mut read = |fd: &OwnedFd| Ok(nix::unistd::read(fd, buffer)?);
        let would_block = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock);
        match self.0.try_io(Interest::READABLE, &mut read) {
            // Bytes may have arrived before their event. At the end of a program nothing waits for that event,
            // and the last output would be lost.
            Err(error) if would_block(&error) => match read(self.0.get_ref()) {
                Err(error) if would_block(&error) => None,
                done => Some(done),
            },
            done => Some(done),
        }
    }

    /// Writes as much as there is room for, without waiting.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let parts = [io::IoSlice::new(bytes)];
        self.0
            .try_io(Interest::WRITABLE, |fd| write_vectored(fd, &parts))
    }

    /// How many bytes can be read.
    pub(crate) fn pending(&self) -> usize {
        let mut count: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int, to which `count` is valid for the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::FIONREAD, &raw mut count) };
        if result == 0 {
            usize::try_from(count).unwrap_or(0)
        } else {
            0
        }
    }

    /// Writes all of `bytes`. Not cancel safe: it may stop half way.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let parts = [io::IoSlice::new(bytes)];
            let count = std::future::poll_fn(|cx| self.poll_write(cx, &parts)).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Reads to the end, at most `limit` bytes.
    pub(crate) async fn read_to_end(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 1024];
        while bytes.len() < limit {
            match self.read(&mut buffer).await? {
                0 => break,
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(bytes)
    }
}

/// Writes as much as can be written without waiting.
pub(crate) fn write_vectored(fd: &OwnedFd, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
    let count = libc::c_int::try_from(parts.len()).unwrap_or(1);
    // SAFETY: `IoSlice` has the layout of `iovec` by its documentation, and the slices outlive the
    // call.
    let written = unsafe { libc::writev(fd.as_raw_fd(), parts.as_ptr().cast(), count) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Receives the bytes that have arrived, with the first descriptor that comes with them. Does not wait.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut room = cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut room), flags)?;
    let mut received = None;
    // The system drops descriptors for which there is no room.
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = control {
            // SAFETY: the system has just opened them for this process.
            let mut fds = fds
                .into_iter()
                .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
            received = fds.next();
        }
    }
    Ok((message.bytes, received))
}

/// Sends bytes over a socket, and a descriptor with them if there is one.
pub(crate) fn send(socket: &impl AsFd, bytes: &[u8], with: Option<&OwnedFd>) -> io::Result<()> {
    let fds = with.map(|fd| [fd.as_raw_fd()]);
    let rights = fds.as_ref().map(|fds| ControlMessage::ScmRights(fds));
    sendmsg::<()>(
        socket.as_fd().as_raw_fd(),
        &[io::IoSlice::new(bytes)],
        rights.as_slice(),
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    Ok(())
}

/// A socket between the guest and a child: two ends.
pub(crate) fn sockets(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::Unix,
        kind,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?)
}

/// A pipe between the guest and a child: read end, write end.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    widen(&read);
    Ok((read, write))
}

/// A pipe that belongs to the sandbox user. So a program may open `/dev/stdout`, which is another name of its
/// own descriptor.
pub(crate) fn user_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    with_rights_of_user(pipe)
}

/// Enlarges a pipe.
pub(crate) fn widen(pipe: &impl AsFd) {
    // The system may refuse. Then the pipe is only slower.
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_read_before_an_event_has_announced_them() {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let reader = Fd::new(reader).unwrap();
        let mut buffer = [0; 8];
        assert!(reader.try_read(&mut buffer).is_none());
        // The event loop has no turn before the next read.
        assert_eq!(nix::unistd::write(&writer, b"late"), Ok(4));
        assert_eq!(reader.try_read(&mut buffer).unwrap().unwrap(), 4);
        assert!(reader.try_read(&mut buffer).is_none());
    }
}

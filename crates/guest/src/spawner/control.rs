//! Packets to and from the host.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use isol8_protocol::{FromSpawner, MAX_SPAWN_BYTES, ToSpawner, decode_packet, encode_packet};
use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
};

use super::failure::{Failure, Trying};

/// The spawner's end of the pair.
pub(crate) struct Control {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// A packet of the host.
pub(crate) struct Packet {
    pub(crate) message: ToSpawner,
    pub(crate) descriptor: Option<OwnedFd>,
}

impl Control {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            buffer: vec![0; MAX_SPAWN_BYTES],
        }
    }

    /// Waits for the next packet. `None`: the host has ended.
    pub(crate) fn receive(&mut self) -> Result<Option<Packet>, Failure> {
        let mut space = cmsg_space!(RawFd);
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let received = loop {
            match recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Err(Errno::EINTR) => {}
                Err(Errno::ECONNRESET) => return Ok(None),
                received => break received.trying("receive from the host")?,
            }
        };
        let mut descriptor = None;
        for message in received.cmsgs().trying("receive a descriptor")? {
            if let ControlMessageOwned::ScmRights(numbers) = message {
                for number in numbers {
                    // SAFETY: the system has just opened it for this process.
                    descriptor = Some(unsafe { OwnedFd::from_raw_fd(number) });
                }
            }
        }
        let count = received.bytes;
        if count == 0 {
            return Ok(None);
        }
        let message = decode_packet(&self.buffer[..count])
            .map_err(|error| Failure::new(format!("a packet of the host: {error}")))?;
        Ok(Some(Packet {
            message,
            descriptor,
        }))
    }

    /// Sends a packet. A host that has ended is noticed when the next one is received.
    pub(crate) fn send(&self, message: &FromSpawner) {
        let Ok(bytes) = encode_packet(message) else {
            return;
        };
        let parts = [IoSlice::new(&bytes)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        while sendmsg::<()>(self.socket.as_raw_fd(), &parts, &[], flags, None) == Err(Errno::EINTR)
        {
        }
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

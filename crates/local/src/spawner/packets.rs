//! Packets to and from a spawner.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use isol8_protocol::{FromSpawner, MAX_SPAWN_BYTES, ToSpawner, decode_packet, encode_packet};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, sendmsg, socketpair,
};

/// A pair of sockets for packets: this process's end, and the spawner's.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    Ok(socketpair(AddressFamily::UNIX, kind, flags, None)?)
}

/// Sends a packet, with a descriptor or without. Waits for room unless `flags` say otherwise.
pub(super) fn send(
    socket: &OwnedFd,
    message: &ToSpawner,
    descriptor: Option<BorrowedFd<'_>>,
    flags: SendFlags,
) -> io::Result<()> {
    let bytes = encode_packet(message).map_err(io::Error::other)?;
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    loop {
        match sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// Waits for the next packet. `None`: the spawner has ended.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<FromSpawner>> {
    loop {
        match recv(socket.as_fd(), &mut *buffer, RecvFlags::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok((_, 0)) | Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            Ok((_, count)) => {
                let message = decode_packet(buffer.get(..count).unwrap_or_default());
                return Ok(Some(message.map_err(io::Error::other)?));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Room for any packet.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; MAX_SPAWN_BYTES]
}

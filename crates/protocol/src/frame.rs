//! Frames: `length:u32le kind:u8 payload[length]`. The length is checked before anything is allocated.

use serde::{Serialize, de::DeserializeOwned};

use crate::MAX_FRAME_BYTES;

/// Bytes before a frame's payload.
pub const FRAME_HEADER_BYTES: usize = 5;

/// What a frame's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// A postcard-encoded message of module `message`.
    Message = 0,
    /// Bytes of a program's standard input (host to guest) or of a file (both ways). Empty: end.
    Data = 1,
    /// Bytes of a program's standard output.
    Stdout = 2,
    /// Bytes of a program's standard error.
    Stderr = 3,
}

/// A frame that breaks the protocol. The host destroys a sandbox that sends one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length above [`MAX_FRAME_BYTES`].
    #[error("frame of {length} bytes exceeds the limit of {MAX_FRAME_BYTES}")]
    TooLong {
        /// The announced length.
        length: usize,
    },
    /// A kind that this version does not know.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// A payload that is not a message of the expected type.
    #[error("malformed message: {0}")]
    Malformed(#[from] postcard::Error),
}

/// The fixed-size part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub kind: FrameKind,
    /// Length of the payload in bytes, at most [`MAX_FRAME_BYTES`].
    pub length: usize,
}

impl FrameHeader {
    /// The header of a frame with `length` bytes of payload.
    pub fn new(kind: FrameKind, length: usize) -> Result<Self, FrameError> {
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong { length });
        }
        Ok(Self { kind, length })
    }

    /// Parses the bytes of a header.
    pub fn parse(bytes: [u8; FRAME_HEADER_BYTES]) -> Result<Self, FrameError> {
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let kind = match bytes[4] {
            0 => FrameKind::Message,
            1 => FrameKind::Data,
            2 => FrameKind::Stdout,
            3 => FrameKind::Stderr,
            other => return Err(FrameError::UnknownKind(other)),
        };
        Self::new(kind, length)
    }

    /// The header's bytes.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`new` limits the length to 1 MiB"
    )]
    pub fn to_bytes(self) -> [u8; FRAME_HEADER_BYTES] {
        let [a, b, c, d] = (self.length as u32).to_le_bytes();
        [a, b, c, d, self.kind as u8]
    }
}

/// Returns a whole frame (header and payload) with `message`.
pub fn encode_message<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; FRAME_HEADER_BYTES])?;
    let header = FrameHeader::new(FrameKind::Message, frame.len() - FRAME_HEADER_BYTES)?;
    frame[..FRAME_HEADER_BYTES].copy_from_slice(&header.to_bytes());
    Ok(frame)
}

/// Decodes the message in the payload of a [`FrameKind::Message`] frame.
pub fn decode<M: DeserializeOwned>(payload: &[u8]) -> Result<M, FrameError> {
    Ok(postcard::from_bytes(payload)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExecControl, Request};

    #[test]
    fn header_survives_the_wire() {
        for kind in [
            FrameKind::Message,
            FrameKind::Data,
            FrameKind::Stdout,
            FrameKind::Stderr,
        ] {
            let header = FrameHeader::new(kind, MAX_FRAME_BYTES).unwrap();
            assert_eq!(FrameHeader::parse(header.to_bytes()), Ok(header));
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_allocation() {
        let bytes = [0xff, 0xff, 0xff, 0xff, 0];
        let length = u32::MAX as usize;
        assert_eq!(
            FrameHeader::parse(bytes),
            Err(FrameError::TooLong { length })
        );
    }

    #[test]
    fn unknown_kinds_and_malformed_messages_are_refused() {
        assert_eq!(
            FrameHeader::parse([0, 0, 0, 0, 9]),
            Err(FrameError::UnknownKind(9))
        );
        assert!(matches!(
            decode::<Request>(&[0xff; 32]),
            Err(FrameError::Malformed(_))
        ));
    }

    #[test]
    fn a_message_that_announces_more_than_it_holds_is_refused() {
        // Variant 0 (Exec) with an argv of 2^32 strings: must fail, not allocate.
        assert!(decode::<Request>(&[0, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }

    #[test]
    fn a_message_frame_has_the_drawn_layout() {
        let frame = encode_message(&ExecControl::Kill).unwrap();
        assert_eq!(frame, [1, 0, 0, 0, 0, 1]);
    }
}

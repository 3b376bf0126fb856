//! The version handshake: eight bytes that each side writes first.
//!
//! Neither side waits for the other before it sends, so the handshake costs no round trip. It detects
//! another version before any frame is interpreted.

/// First bytes of a preamble.
pub const PREAMBLE_MAGIC: [u8; 6] = *b"ISOL8\0";

/// Version of everything in this crate. Host and guest are built from one tree and must have the same.
pub const PROTOCOL_VERSION: u16 = 10;

/// Length of a preamble in bytes.
pub const PREAMBLE_BYTES: usize = 8;

/// Why a preamble was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// The peer does not speak this protocol at all.
    #[error("the peer is not an isol8 guest or host")]
    NotIsol8,
    /// The peer was built from another version.
    #[error("the peer speaks protocol version {theirs}, this side speaks {PROTOCOL_VERSION}")]
    Version {
        /// The peer's version.
        theirs: u16,
    },
}

/// The preamble of this build.
#[must_use]
pub fn preamble() -> [u8; PREAMBLE_BYTES] {
    let mut bytes = [0; PREAMBLE_BYTES];
    bytes[..6].copy_from_slice(&PREAMBLE_MAGIC);
    bytes[6..].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    bytes
}

/// Checks the preamble that the peer sent.
pub fn check_preamble(bytes: [u8; PREAMBLE_BYTES]) -> Result<(), PreambleError> {
    if bytes[..6] != PREAMBLE_MAGIC {
        return Err(PreambleError::NotIsol8);
    }
    let theirs = u16::from_le_bytes([bytes[6], bytes[7]]);
    if theirs == PROTOCOL_VERSION {
        Ok(())
    } else {
        Err(PreambleError::Version { theirs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_preamble_is_accepted_and_others_are_not() {
        assert_eq!(check_preamble(preamble()), Ok(()));
        assert_eq!(check_preamble(*b"HTTP/1.1"), Err(PreambleError::NotIsol8));
        let mut newer = preamble();
        newer[6] += 1;
        let theirs = PROTOCOL_VERSION + 1;
        assert_eq!(
            check_preamble(newer),
            Err(PreambleError::Version { theirs })
        );
    }
}

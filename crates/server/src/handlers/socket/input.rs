//! Input of programs on a WebSocket, in pieces.

use bytes::Bytes;
use isol8_engine::ProgramInput;

/// Largest piece of input in bytes. The queues between here and the program count pieces, not bytes.
const PIECE: usize = 64 * 1024;

/// Input in pieces of which the program's queue may hold many.
pub(super) fn pieces(mut data: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = data.len().min(PIECE);
        (length > 0).then(|| data.split_to(length))
    })
}

/// A copy of a piece of input, so that its message is let go while the program has not taken the piece.
pub(super) fn alone(input: ProgramInput) -> ProgramInput {
    match input {
        ProgramInput::Data(piece) => ProgramInput::Data(Bytes::copy_from_slice(&piece)),
        input => input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_input_goes_in_pieces_of_limited_length() {
        let data: Bytes = (0..=255).cycle().take(2 * PIECE + 1).collect();
        let all: Vec<_> = pieces(data.clone()).collect();
        let lengths: Vec<_> = all.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [PIECE, PIECE, 1]);
        let joined: Vec<u8> = all.iter().flatten().copied().collect();
        assert_eq!(joined, data.to_vec());
        assert_eq!(pieces(Bytes::new()).count(), 0);
    }
}

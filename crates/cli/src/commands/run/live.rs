//! Standard input that a program gets while it runs.

use std::io::{self, Read as _};

use bytes::Bytes;
use isol8_api::websocket::ClientMessage;
use isol8_client::{RemoteInput, input_queue};
use isol8_engine::{LiveInput, ProgramInput, live_input};

/// Bytes that are passed on at once, at most.
const PIECE: usize = 64 * 1024;

/// This command's standard input, for one program of an engine.
pub(super) fn standard_input() -> LiveInput {
    let (sender, input) = live_input(true);
    pass_on(move |piece| {
        let next = match piece {
            Some(bytes) => ProgramInput::Data(Bytes::copy_from_slice(bytes)),
            None => ProgramInput::End,
        };
        // A program that has ended reads nothing any more.
        sender.blocking_send(next).is_ok()
    });
    input
}

/// The same for one program of a server, which takes text: bytes that are none become U+FFFD.
pub(super) fn standard_input_of_remote() -> RemoteInput {
    let (sender, input) = input_queue();
    let mut text = TextPieces::default();
    pass_on(move |piece| {
        let message = ClientMessage::Stdin {
            data: text.next(piece),
            end: piece.is_none(),
        };
        sender.blocking_send(message).is_ok()
    });
    input
}

/// Cuts text into pieces that are whole characters.
#[derive(Default)]
struct TextPieces {
    /// The beginning of a character whose end has not come.
    rest: Vec<u8>,
}

impl TextPieces {
    /// The text of the next bytes, or of what is left at the end.
    fn next(&mut self, piece: Option<&[u8]>) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece.unwrap_or_default());
        if piece.is_some() {
            let tail = bytes.utf8_chunks().last();
            let tail = tail.map_or(&[][..], |chunk| chunk.invalid());
            let is_begun =
                std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
            if is_begun {
                self.rest = tail.to_vec();
                bytes.truncate(bytes.len() - self.rest.len());
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Passes this command's standard input on, in pieces, and its end as none, until `send` returns false. It is read by a
/// thread that ends with the input, or with this process: a read cannot be interrupted.
fn pass_on(mut send: impl FnMut(Option<&[u8]>) -> bool + Send + 'static) {
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        let mut stdin = io::stdin().lock();
        loop {
            let next = match stdin.read(&mut piece) {
                Ok(0) => None,
                Ok(length) => Some(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => None,
            };
            if !send(next) || next.is_none() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole_and_what_is_none_is_replaced() {
        let mut pieces = TextPieces::default();
        let mut all = String::new();
        for byte in "aé€𝄞".bytes().chain([0xff, b'b', 0xe2, 0x82]) {
            all.push_str(&pieces.next(Some(&[byte])));
        }
        all.push_str(&pieces.next(None));
        assert_eq!(all, "aé€𝄞\u{fffd}b\u{fffd}");
    }
}

//! One output stream of a program, from its bytes to the text that a caller gets.

use super::{Masker, mask::MaskStream, utf8::Utf8Decoder};
use crate::options::size_text;

/// What `execute` puts at the end of standard error after a timeout.
pub const TIMEOUT_NOTICE: &str = "\n--- EXECUTION TIMED OUT ---";

/// The error event of a stream when the sandbox, which may use `limit` bytes, was out of memory.
#[must_use]
pub fn memory_message(limit: u64) -> String {
    format!("OUT OF MEMORY (limit {})", size_text(limit))
}

/// What `execute` puts at the end of standard error then.
#[must_use]
pub fn memory_notice(limit: u64) -> String {
    format!("\n--- {} ---", memory_message(limit))
}

/// Longest UTF-8 character in bytes.
const MAX_CHAR_BYTES: u64 = 4;

/// How many bytes of a stream the guest must send for `limit` bytes of text: a secret that the
/// limit cuts must arrive whole to be recognised.
#[must_use]
pub fn forward_limit(limit: u64, masker: &Masker) -> u64 {
    let longest = masker.longest() as u64;
    limit.saturating_add(longest).saturating_add(MAX_CHAR_BYTES)
}

/// What follows a truncated stream of `total` bytes.
#[must_use]
pub fn truncation_notice(total: u64, limit: u64) -> String {
    format!("\n\n--- OUTPUT TRUNCATED ({total} bytes, limit: {limit}) ---")
}

/// The notice at the end of standard error for an output file that is not in the result.
#[must_use]
pub fn file_notice(path: &str, limit: u64) -> String {
    format!("\n\n--- OUTPUT FILE LEFT OUT ({path}, limit of all files: {limit} bytes) ---")
}

/// Collected text as results carry it: without the white space at its end (ECMAScript's
/// `String.prototype.trimEnd`).
#[must_use]
pub fn trim_output(text: &str) -> &str {
    text.trim_end_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

/// Turns the bytes of one stream into text, piece by piece. The pieces joined are the same however
/// the bytes were split: secrets replaced, each invalid sequence one U+FFFD, at most the limit.
#[derive(Debug)]
pub struct OutputDecoder {
    mask: MaskStream,
    utf8: Utf8Decoder,
    limit: u64,
    /// Bytes of text that the limit still allows.
    left: u64,
    /// Bytes pushed.
    received: u64,
    /// Whether text was thrown away at the limit.
    cut: bool,
    truncated: bool,
}

impl OutputDecoder {
    /// A decoder that gives at most `limit` bytes of text, not counting the truncation notice.
    #[must_use]
    pub fn new(limit: u64, masker: Masker) -> Self {
        Self {
            mask: MaskStream::new(masker),
            utf8: Utf8Decoder::default(),
            limit,
            left: limit,
            received: 0,
            cut: false,
            truncated: false,
        }
    }

    /// The text that is certain after these bytes; often empty.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.received += bytes.len() as u64;
        if self.cut {
            return String::new();
        }
        let mut masked = Vec::with_capacity(bytes.len());
        self.mask.push(bytes, &mut masked);
        let mut text = String::with_capacity(masked.len());
        self.utf8.push(&masked, &mut text);
        self.limited(text)
    }

    /// The rest of the text, when the program wrote `total` bytes of which all that were sent have
    /// been pushed; with the truncation notice if any are missing.
    pub fn finish(&mut self, total: u64) -> String {
        let mut text = String::new();
        let incomplete = total > self.received;
        if !self.cut {
            let mut masked = Vec::new();
            // What is held when bytes are missing may be most of a secret.
            if !incomplete {
                self.mask.finish(&mut masked);
            }
            self.utf8.push(&masked, &mut text);
            if !incomplete {
                self.utf8.finish(&mut text);
            }
            text = self.limited(text);
        }
        self.truncated = self.cut || incomplete;
        if self.truncated {
            text.push_str(&truncation_notice(total.max(self.received), self.limit));
        }
        text
    }

    /// Whether text is missing; known after [`finish`](Self::finish).
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    fn limited(&mut self, mut text: String) -> String {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if text.len() > left {
            text.truncate(text.floor_char_boundary(left));
            self.cut = true;
        }
        self.left -= text.len() as u64;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(limit: u64, values: &[&str], pieces: &[&[u8]], total: Option<u64>) -> (String, bool) {
        let masker = Masker::new(values.iter().map(|value| value.as_bytes()));
        let mut decoder = OutputDecoder::new(limit, masker);
        let mut text: String = pieces.iter().map(|piece| decoder.push(piece)).collect();
        let sent = pieces.iter().map(|piece| piece.len() as u64).sum();
        text += &decoder.finish(total.unwrap_or(sent));
        (text, decoder.truncated())
    }

    #[test]
    fn characters_split_over_pieces_are_whole() {
        let pieces: [&[u8]; 4] = [b"a\xc3", b"\xa9\xf0\x9f", b"\x98", b"\x80!"];
        assert_eq!(decode(99, &[], &pieces, None), ("aé😀!".into(), false));
    }

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        let pieces: [&[u8]; 3] = [b"a\xff\xc3", b"(", b"\xe2\x82"];
        assert_eq!(
            decode(99, &[], &pieces, None),
            ("a\u{fffd}\u{fffd}(\u{fffd}".into(), false)
        );
    }

    #[test]
    fn a_secret_split_inside_a_character_is_found() {
        let pieces: [&[u8]; 2] = [b"x p\xc3", b"\xa4ss y"];
        assert_eq!(
            decode(99, &["päss"], &pieces, None),
            ("x *** y".into(), false)
        );
    }

    #[test]
    fn the_limit_cuts_at_a_character_and_counts_the_real_bytes() {
        let (text, truncated) = decode(4, &[], &["abcé".as_bytes()], Some(5000));
        assert_eq!(
            text,
            "abc\n\n--- OUTPUT TRUNCATED (5000 bytes, limit: 4) ---"
        );
        assert!(truncated);
        assert_eq!(
            decode(5, &[], &["abcé".as_bytes()], None),
            ("abcé".into(), false)
        );
    }

    #[test]
    fn missing_bytes_are_a_truncation_and_the_held_ones_may_be_a_secret() {
        let (text, _) = decode(9, &["secret"], &[b"secret secre"], Some(13));
        assert_eq!(
            text,
            "*** \n\n--- OUTPUT TRUNCATED (13 bytes, limit: 9) ---"
        );
    }

    #[test]
    fn a_mask_that_is_longer_than_its_secret_counts_as_it_is() {
        let (text, truncated) = decode(4, &["k"], &[b"kk"], None);
        assert_eq!(text, "****\n\n--- OUTPUT TRUNCATED (2 bytes, limit: 4) ---");
        assert!(truncated);
    }

    #[test]
    fn a_secret_at_the_limit_arrives_whole() {
        let masker = Masker::new(["hunter2".as_bytes()]);
        let limit = forward_limit(6, &masker);
        let output = b"abcd hunter2 and more";
        let sent = &output[..usize::try_from(limit).unwrap()];
        let mut decoder = OutputDecoder::new(6, masker);
        let text = decoder.push(sent) + &decoder.finish(output.len() as u64);
        assert_eq!(
            text,
            "abcd *\n\n--- OUTPUT TRUNCATED (21 bytes, limit: 6) ---"
        );
    }

    #[test]
    fn results_are_trimmed_as_javascript_trims() {
        assert_eq!(trim_output(" a \n\t\r\u{a0}\u{feff}\u{2028}"), " a");
        assert_eq!(trim_output("a\u{85}"), "a\u{85}");
    }
}

//! One output stream of a program, from its bytes to the text that a caller gets.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_api::request::OutputEncoding;

use super::{Masker, mask::MaskStream, utf8::Utf8Decoder};

/// What `execute` puts at the end of standard error after a timeout.
pub const TIMEOUT_NOTICE: &str = "\n--- EXECUTION TIMED OUT ---";

/// The error event of a stream when the sandbox, which may use `limit` (a size with its unit), was out of memory.
#[must_use]
pub fn memory_message(limit: &str) -> String {
    format!("OUT OF MEMORY (limit {limit})")
}

/// What `execute` puts at the end of standard error then.
#[must_use]
pub fn memory_notice(limit: &str) -> String {
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

/// The notice after those of single files, for the rest of them.
#[must_use]
pub fn more_files_notice(count: usize, limit: u64) -> String {
    format!("\n\n--- {count} MORE OUTPUT FILES LEFT OUT (limit of all files: {limit} bytes) ---")
}

/// Collected text as results carry it: without the white space at its end (ECMAScript's
/// `String.prototype.trimEnd`).
#[must_use]
pub fn trim_output(text: &str) -> &str {
    text.trim_end_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

/// Output of a decoder as callers get it.
#[must_use]
pub fn encoded(output: Vec<u8>, encoding: OutputEncoding) -> String {
    match encoding {
        // It is valid: a decoder for text has made it.
        OutputEncoding::Utf8 => String::from_utf8(output).unwrap_or_default(),
        OutputEncoding::Base64 => BASE64.encode(output),
    }
}

/// Turns the bytes of one stream into what a caller gets, piece by piece. The pieces joined are the same
/// however the bytes were split: secrets replaced, at most the limit. In text each invalid sequence is one
/// U+FFFD, and each piece is valid UTF-8.
#[derive(Debug)]
pub struct OutputDecoder {
    mask: MaskStream,
    /// None when the caller wants the bytes themselves.
    utf8: Option<Utf8Decoder>,
    limit: u64,
    /// Bytes that the limit still allows.
    left: u64,
    /// Bytes pushed.
    received: u64,
    /// Whether output was thrown away at the limit.
    cut: bool,
    truncated: bool,
}

impl OutputDecoder {
    /// A decoder that gives at most `limit` bytes, not counting the truncation notice, which text has.
    #[must_use]
    pub fn new(limit: u64, masker: Masker, encoding: OutputEncoding) -> Self {
        let is_text = encoding == OutputEncoding::Utf8;
        Self {
            mask: MaskStream::new(masker),
            utf8: is_text.then(Utf8Decoder::default),
            limit,
            left: limit,
            received: 0,
            cut: false,
            truncated: false,
        }
    }

    /// The output that is certain after these bytes; often empty.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.received += bytes.len() as u64;
        if self.cut {
            return Vec::new();
        }
        let mut masked = Vec::with_capacity(bytes.len());
        self.mask.push(bytes, &mut masked);
        self.limited(masked, false)
    }

    /// The rest of the output, when the program wrote `total` bytes of which all that were sent have
    /// been pushed; text with the truncation notice if any are missing.
    pub fn finish(&mut self, total: u64) -> Vec<u8> {
        let incomplete = total > self.received;
        let mut rest = Vec::new();
        if !self.cut {
            // What is held when bytes are missing may be most of a secret.
            if !incomplete {
                self.mask.finish(&mut rest);
            }
            rest = self.limited(rest, !incomplete);
        }
        self.truncated = self.cut || incomplete;
        if self.truncated && self.utf8.is_some() {
            let notice = truncation_notice(total.max(self.received), self.limit);
            rest.extend_from_slice(notice.as_bytes());
        }
        rest
    }

    /// Whether output is missing; known after [`finish`](Self::finish).
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// What the limit leaves of `masked`. Text is cut between two characters. With `ends`, nothing follows.
    fn limited(&mut self, mut masked: Vec<u8>, ends: bool) -> Vec<u8> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let mut whole = left;
        if let Some(utf8) = &mut self.utf8 {
            let mut text = utf8.push(masked);
            if ends {
                utf8.finish(&mut text);
            }
            whole = text.floor_char_boundary(left);
            masked = text.into_bytes();
        }
        if masked.len() > left {
            masked.truncate(whole);
            self.cut = true;
        }
        self.left -= masked.len() as u64;
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(limit: u64, values: &[&str], pieces: &[&[u8]], total: Option<u64>) -> (String, bool) {
        let masker = Masker::new(values.iter().map(|value| value.as_bytes()));
        let mut decoder = OutputDecoder::new(limit, masker, OutputEncoding::Utf8);
        // Each piece is text of its own.
        let text = |piece: Vec<u8>| String::from_utf8(piece).unwrap();
        let mut all: String = pieces
            .iter()
            .map(|piece| text(decoder.push(piece)))
            .collect();
        let sent = pieces.iter().map(|piece| piece.len() as u64).sum();
        all += &text(decoder.finish(total.unwrap_or(sent)));
        (all, decoder.truncated())
    }

    #[test]
    fn bytes_are_exact_but_for_secrets_and_have_no_notice() {
        let masker = || Masker::new(["hunter2".as_bytes()]);
        let pieces: [&[u8]; 3] = [b"\xff\xc3 hunt", b"er2 \x00", b"\xe2\x82 \n\n"];
        for (limit, kept) in [
            (99, &b"\xff\xc3 *** \x00\xe2\x82 \n\n"[..]),
            (3, b"\xff\xc3 "),
        ] {
            let mut decoder = OutputDecoder::new(limit, masker(), OutputEncoding::Base64);
            let mut bytes: Vec<u8> = pieces
                .iter()
                .flat_map(|piece| decoder.push(piece))
                .collect();
            let sent = pieces.iter().map(|piece| piece.len() as u64).sum();
            bytes.extend(decoder.finish(sent));
            assert_eq!((bytes.as_slice(), decoder.truncated()), (kept, limit == 3));
        }
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
        let mut decoder = OutputDecoder::new(6, masker, OutputEncoding::Utf8);
        let text = [decoder.push(sent), decoder.finish(output.len() as u64)].concat();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "abcd *\n\n--- OUTPUT TRUNCATED (21 bytes, limit: 6) ---"
        );
    }

    #[test]
    fn results_are_trimmed_as_javascript_trims() {
        assert_eq!(trim_output(" a \n\t\r\u{a0}\u{feff}\u{2028}"), " a");
        assert_eq!(trim_output("a\u{85}"), "a\u{85}");
    }
}

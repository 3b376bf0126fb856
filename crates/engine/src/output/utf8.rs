//! UTF-8 that arrives in pieces.

/// Decodes a byte stream as [`String::from_utf8_lossy`] would decode it whole.
#[derive(Debug, Default)]
pub(super) struct Utf8Decoder {
    /// The beginning of a character whose rest has not arrived; at most three bytes.
    partial: Vec<u8>,
}

impl Utf8Decoder {
    /// Appends what is now certain of `bytes` to `text`.
    pub(super) fn push(&mut self, bytes: &[u8], text: &mut String) {
        if self.partial.is_empty() {
            self.decode(bytes, text);
        } else {
            let mut joined = std::mem::take(&mut self.partial);
            joined.extend_from_slice(bytes);
            self.decode(&joined, text);
        }
    }

    /// The stream has ended: what is left of a character is none.
    pub(super) fn finish(&mut self, text: &mut String) {
        if !self.partial.is_empty() {
            self.partial.clear();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// The valid beginning is checked some words at a time, which takes a tenth of what decoding takes.
    fn decode(&mut self, bytes: &[u8], text: &mut String) {
        let valid = match std::str::from_utf8(bytes) {
            Ok(valid) => return text.push_str(valid),
            Err(error) => error.valid_up_to(),
        };
        let (valid, rest) = bytes.split_at(valid);
        text.push_str(std::str::from_utf8(valid).unwrap_or_default());
        let mut chunks = rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_incomplete(invalid) {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// Whether more bytes could complete a character.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

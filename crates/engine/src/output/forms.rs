//! The forms in which a program may print a secret without meaning to hide it. Pure.
//!
//! Masking is for accidents. A program that wants to pass a secret on can always encode it in a way that
//! is not here.

use std::{collections::BTreeSet, fmt::Write as _};

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};

/// Shortest value, and shortest line of a value, that has forms of its own. Those of shorter ones would
/// replace other text by chance.
const MIN_BYTES: usize = 8;

/// Longest value with encoded forms. They are about 20 times as long as the value, and kept in memory.
const MAX_ENCODED_BYTES: usize = 16 * 1024;

/// Bytes that all kinds of percent-encoding leave as they are, beside letters and digits.
const UNRESERVED: &[u8] = b"-._";

/// Bytes that some of them leave besides, and whether a space is a plus sign: RFC 3986; `encodeURIComponent`
/// of JavaScript; `quote` and `quote_plus` of Python; forms of HTML.
const PERCENT_KINDS: [(&[u8], bool); 5] = [
    (b"~", false),
    (b"~!*'()", false),
    (b"~/", false),
    (b"~", true),
    (b"*", true),
];

/// Everything that is replaced because of `value`: itself, itself without the line feed at its end, its lines,
/// and encoded forms. Empty when the value is.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.to_vec()]);
    let bare = value.strip_suffix(b"\n").unwrap_or(value);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    forms.insert(bare.to_vec());
    let lines = bare.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    forms.extend(
        lines
            .filter(|line| line.len() >= MIN_BYTES)
            .map(<[u8]>::to_vec),
    );
    if (MIN_BYTES..=MAX_ENCODED_BYTES).contains(&bare.len()) {
        encode(bare, &mut forms);
    }
    forms.remove([].as_slice());
    forms
}

fn encode(value: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    for before in 0..3 {
        let text = base64_after(before, value);
        forms.insert(text.replace('+', "-").replace('/', "_").into_bytes());
        forms.insert(text.into_bytes());
    }
    forms.insert(hex::encode(value).into_bytes());
    forms.insert(hex::encode_upper(value).into_bytes());
    for (also, is_form) in PERCENT_KINDS {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            forms.insert(percent(value, also, is_form, digits));
        }
    }
    if let Ok(text) = std::str::from_utf8(value) {
        for is_ascii in [false, true] {
            forms.insert(json(text, is_ascii).into_bytes());
        }
    }
}

/// The characters of base64 text that depend on `value` alone, when `before` bytes come before it.
fn base64_after(before: usize, value: &[u8]) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(value);
    let mut text = BASE64_STANDARD_NO_PAD.encode(&bytes);
    // The last character also depends on what follows, unless it ends with a byte.
    if !bytes.len().is_multiple_of(3) {
        text.pop();
    }
    text.split_off((before * 8).div_ceil(6))
}

fn percent(value: &[u8], also: &[u8], is_form: bool, digits: &[u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 3);
    for &byte in value {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || also.contains(&byte) {
            text.push(byte);
        } else if is_form && byte == b' ' {
            text.push(b'+');
        } else {
            let hex = |half: u8| digits[usize::from(half)];
            text.extend([b'%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    text
}

/// The inside of a JSON string, with other characters than ASCII as they are or escaped.
fn json(text: &str, is_ascii: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            _ if character < ' ' || is_ascii && character > '~' => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) -> bool {
        forms(value.as_bytes()).contains(form.as_bytes())
    }

    #[test]
    fn a_short_value_has_no_form_but_itself() {
        for value in ["a", "seven77"] {
            assert_eq!(forms(value.as_bytes()).len(), 1, "{value}");
        }
        assert!(forms(b"").is_empty() && forms(b"\n").len() == 1);
        assert_eq!(forms(b"ab\ncd").len(), 1);
    }

    #[test]
    fn lines_and_the_value_without_its_end_are_forms() {
        let key = "first line\r\n short\n  the third line\n";
        for form in [key, key.trim_end(), "first line", "the third line"] {
            assert!(has(key, form), "{form:?}");
        }
        assert!(!has(key, "short"));
        assert!(has("abc\n", "abc") && has("abc\n", "abc\n"));
    }

    /// Base64 of `text`, by a way of its own.
    fn plain_base64(text: &str) -> String {
        base64::prelude::BASE64_STANDARD.encode(text)
    }

    #[test]
    fn base64_has_a_form_in_each_alignment() {
        let value = "p4ss~word?>";
        for before in ["", "a", "ab", "abc", "abcd", "abcdef12"] {
            for after in ["", "y", "yz"] {
                let text = plain_base64(&format!("{before}{value}{after}"));
                let found = forms(value.as_bytes())
                    .into_iter()
                    .filter_map(|form| String::from_utf8(form).ok())
                    .any(|form| form.len() >= 12 && text.contains(&form));
                assert!(found, "{before:?} {after:?} {text}");
            }
        }
        let form = base64_after(0, b"????????");
        assert!(has("????????", &form.replace('/', "_")));
    }

    #[test]
    fn hex_url_and_json_forms() {
        let value = "pä ss/\"w\\\u{1}\t~!'😀";
        for form in [
            "70c3a42073732f22775c01097e2127f09f9880",
            "70C3A42073732F22775C01097E2127F09F9880",
            // RFC 3986, encodeURIComponent, quote, quote_plus, and a form.
            "p%C3%A4%20ss%2F%22w%5C%01%09~%21%27%F0%9F%98%80",
            "p%C3%A4%20ss%2F%22w%5C%01%09~!'%F0%9F%98%80",
            "p%C3%A4%20ss/%22w%5C%01%09~%21%27%F0%9F%98%80",
            "p%C3%A4+ss%2F%22w%5C%01%09~%21%27%F0%9F%98%80",
            "p%C3%A4+ss%2F%22w%5C%01%09%7E%21%27%F0%9F%98%80",
            "p%c3%a4%20ss%2f%22w%5c%01%09~!'%f0%9f%98%80",
            // JSON.stringify, and json.dumps of Python.
            "pä ss/\\\"w\\\\\\u0001\\t~!'😀",
            "p\\u00e4 ss/\\\"w\\\\\\u0001\\t~!'\\ud83d\\ude00",
        ] {
            assert!(has(value, form), "{form}");
        }
    }

    #[test]
    fn a_long_value_has_lines_and_no_encoded_forms() {
        let value = "x".repeat(MAX_ENCODED_BYTES + 1);
        assert_eq!(forms(value.as_bytes()).len(), 1);
    }
}

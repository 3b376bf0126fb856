//! What is replaced, and how much is held back.

use super::*;

fn mask(values: &[&str], text: &str) -> String {
    Masker::new(values.iter().map(|value| value.as_bytes())).mask(text)
}

#[test]
fn lines_and_encoded_forms_are_replaced() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n";
    assert_eq!(mask(&[key], &format!("a {key}b")), "a ***b");
    assert_eq!(mask(&[key], key.trim_end()), "***");
    assert_eq!(mask(&[key], "[MIIEvQIBADAN]"), "[***]");
    let value = ["pass/word?1"];
    // printf %s "$S" | base64; printf "u:%s" "$S" | base64; printf "a%s!" "$S" | base64
    assert_eq!(mask(&value, "cGFzcy93b3JkPzE="), "***E=");
    assert_eq!(mask(&value, "dTpwYXNzL3dvcmQ/MQ=="), "dTp***Q==");
    assert_eq!(mask(&value, "YXBhc3Mvd29yZD8xIQ=="), "YX***IQ==");
    assert_eq!(mask(&value, "706173732f776f72643f31"), "***");
    assert_eq!(mask(&value, "?k=pass%2Fword%3F1&x"), "?k=***&x");
    assert_eq!(
        mask(&["tell \"me\""], r#"{"k":"tell \"me\""}"#),
        r#"{"k":"***"}"#
    );
}

#[test]
fn values_are_replaced_wherever_they_are() {
    assert_eq!(mask(&["key"], "key, a key and key"), "***, a *** and ***");
    assert_eq!(mask(&["key"], "keykey"), "******");
    assert_eq!(mask(&["", "key"], "ke y"), "ke y");
    assert_eq!(mask(&[""], "text"), "text");
}

#[test]
fn nested_and_overlapping_values_are_covered_whole() {
    assert_eq!(mask(&["abc", "abcdef"], "abcdef abcde"), "*** ***de");
    assert_eq!(mask(&["abcdef", "cd"], "abcdef abcd"), "*** ab***");
    assert_eq!(mask(&["abc", "cde", "efg"], "xabcdefgx"), "x***x");
    assert_eq!(mask(&["aa"], "aaaaa"), "***");
}

#[test]
fn only_what_may_become_a_value_is_held_back() {
    let mut stream = MaskStream::new(Masker::new([b"secret".as_slice(), b"ret!x".as_slice()]));
    let mut text = Vec::new();
    for (piece, so_far) in [
        ("a sec", "a "),
        ("ret", "a ***"),
        ("!", "a ***"),
        ("y", "a ***!y"),
        ("secretsecre", "a ***!y***"),
        ("?", "a ***!y***secre?"),
        ("secret!x.", "a ***!y***secre?***."),
    ] {
        stream.push(piece.as_bytes(), &mut text);
        assert_eq!(String::from_utf8_lossy(&text), so_far, "after {piece:?}");
        assert!(stream.pending.len() < 6);
    }
}

#[test]
fn a_whole_value_at_the_end_is_not_held_back() {
    let mut stream = MaskStream::new(Masker::new([b"abcb".as_slice(), b"cb".as_slice()]));
    let mut text = Vec::new();
    stream.push(b"abcb", &mut text);
    assert_eq!((text.as_slice(), stream.pending.len()), (MASK, 0));
}

#[test]
fn values_that_cannot_be_searched_for_hide_everything() {
    let masker = Masker(Kind::Everything);
    assert_eq!(masker.mask("anything"), "***");
    assert_eq!(masker.mask(""), "");
}

#[test]
fn a_value_is_found_at_each_place_and_in_each_split() {
    let longest: Vec<u8> = (b'0'..b'Z').collect();
    for length in [1, 7, 8, 11, 12, 14, 15, 22, 23, 40] {
        let value = &longest[..length];
        let masker = Masker::new([value]);
        for place in 0..33 {
            let text = [&b"-".repeat(place), value, b"--"].concat();
            let expected = [&b"-".repeat(place), MASK, b"--"].concat();
            for cut in 0..=text.len() {
                let mut stream = MaskStream::new(masker.clone());
                let mut output = Vec::new();
                stream.push(&text[..cut], &mut output);
                stream.push(&text[cut..], &mut output);
                stream.finish(&mut output);
                assert_eq!(output, expected, "{length} bytes at {place}, cut at {cut}");
            }
        }
    }
}

//! Properties of the whole way from bytes to text, against a slow and simple reference.

use isol8_api::request::OutputEncoding;
use proptest::prelude::*;

use super::{Masker, OutputDecoder, forms::forms};

/// Few different bytes, so that secrets, overlaps and split characters are frequent.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(b"aaaabb\n".to_vec()),
        1 => prop::sample::select("é😀".as_bytes().to_vec()),
        1 => Just(0xff),
    ];
    prop::collection::vec(byte, 0..80)
}

fn secrets() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        prop_oneof![3 => "[ab]{0,5}", 1 => "[abé]{0,5}", 1 => "[ab\n]{0,24}"],
        0..4,
    )
}

/// Secrets of lengths that are searched for in different ways, and output of their parts and other bytes.
fn long_secrets_and_output() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let secret = (9_usize..60, "[a-z]{1,9}")
        .prop_map(|(length, word)| word.chars().cycle().take(length).collect::<String>());
    prop::collection::vec(secret, 1..4).prop_flat_map(|secrets| {
        let part = (
            prop::sample::select(secrets.clone()),
            0_usize..60,
            0_usize..9,
        )
            .prop_map(|(secret, length, cut)| {
                let from = cut.saturating_sub(6).min(secret.len());
                secret.into_bytes()[from..]
                    .iter()
                    .copied()
                    .take(length)
                    .collect()
            });
        let other = prop::collection::vec(b'a'..=b'{', 0..40);
        let parts = prop::collection::vec(prop_oneof![2 => part, 1 => other], 0..8);
        (
            Just(secrets),
            parts.prop_map(|parts: Vec<Vec<u8>>| parts.concat()),
        )
    })
}

/// Marks every byte of every occurrence, then replaces each run of overlapping ones.
fn reference(output: &[u8], secrets: &[String]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (start, _) in output.iter().enumerate() {
        for value in secrets.iter().flat_map(|value| forms(value.as_bytes())) {
            if output[start..].starts_with(&value) {
                ranges.push((start, start + value.len()));
            }
        }
    }
    ranges.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let mut masked = Vec::new();
    let mut at = 0;
    for (start, end) in merged {
        masked.extend_from_slice(&output[at..start]);
        masked.extend_from_slice(b"***");
        at = end;
    }
    masked.extend_from_slice(&output[at..]);
    String::from_utf8_lossy(&masked).into_owned()
}

fn decode(output: &[u8], sizes: &[usize], limit: u64, secrets: &[String]) -> (String, bool) {
    let masker = Masker::new(secrets.iter().map(String::as_bytes));
    let mut decoder = OutputDecoder::new(limit, masker, OutputEncoding::Utf8);
    let mut text = Vec::new();
    let mut rest = output;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(1, |size| (*size).clamp(1, rest.len()));
        text.extend(decoder.push(&rest[..size]));
        rest = &rest[size..];
    }
    text.extend(decoder.finish(output.len() as u64));
    (String::from_utf8(text).unwrap(), decoder.truncated())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_split_gives_what_the_reference_gives(
        output in output(),
        secrets in secrets(),
        sizes in prop::collection::vec(1_usize..5, 1..8),
    ) {
        let expected = reference(&output, &secrets);
        prop_assert_eq!(decode(&output, &sizes, u64::MAX, &secrets), (expected.clone(), false));
        prop_assert_eq!(decode(&output, &[usize::MAX], u64::MAX, &secrets), (expected, false));
    }

    #[test]
    fn long_secrets_are_found_in_any_split(
        (secrets, output) in long_secrets_and_output(),
        sizes in prop::collection::vec(1_usize..70, 1..8),
    ) {
        let expected = reference(&output, &secrets);
        prop_assert_eq!(decode(&output, &sizes, u64::MAX, &secrets), (expected.clone(), false));
        prop_assert_eq!(decode(&output, &[usize::MAX], u64::MAX, &secrets), (expected, false));
    }

    #[test]
    fn any_split_is_cut_at_the_same_place(
        output in output(),
        secrets in secrets(),
        sizes in prop::collection::vec(1_usize..5, 1..8),
        limit in 0_u64..40,
    ) {
        let whole = reference(&output, &secrets);
        let (text, truncated) = decode(&output, &sizes, limit, &secrets);
        let kept = text.split("\n\n---").next().unwrap();
        prop_assert!(whole.starts_with(kept));
        prop_assert_eq!(truncated, whole.len() as u64 > limit);
        // No whole character more would have fitted.
        let next = whole[kept.len()..].chars().next().map_or(0, char::len_utf8);
        prop_assert!(!truncated || (kept.len() + next) as u64 > limit);
    }
}

//! Where a longer value may begin: a search that looks at eight bytes in each 8 or 16.
//!
//! However an occurrence of a value lies in a text, one of the places that are looked at is near its beginning.
//! So a table of the words there are in the first bytes of all values is enough, and it takes the same time for
//! one value as for a thousand.

use std::collections::HashMap;

/// Bytes that are read at each place.
const WORD_BYTES: usize = 8;

/// Fewest bytes of a word that are compared. Fewer occur by chance.
const MIN_COMPARED: usize = 5;

/// Distances between the places that are looked at, in bytes.
const NEAR: usize = 8;
const FAR: usize = 16;

/// Shortest value that can be found, in bytes.
pub(super) const SHORTEST: usize = NEAR + MIN_COMPARED - 1;

/// Entries of the table for each word in it: one of so many other words is looked up for nothing.
const ROOM: usize = 256;

/// Least and greatest number of entries of the table. The least fits into the fastest cache of a processor.
const ENTRIES: (usize, usize) = (1 << 15, 1 << 20);

/// An odd number without a pattern: its product with a word depends on all bytes of the word.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Searches for the words in the first bytes of a set of values.
pub(super) struct Words {
    /// Distance between the places that are looked at.
    stride: usize,
    /// The bytes of a word that are compared.
    compared: u64,
    /// At the hash of each word, 1.
    table: Box<[u8]>,
    /// How far a product is shifted to become a hash.
    shift: u32,
    /// Each word, and how many bytes of a value come before it, at most.
    before: HashMap<u64, usize>,
}

impl Words {
    /// `None` without values. Each must have [`SHORTEST`] bytes or more.
    pub(super) fn new(values: &[&[u8]]) -> Option<Self> {
        let shortest = values.iter().map(|value| value.len()).min()?;
        // The last place that may be looked at first is one before the second, and its word is in the value.
        let stride = if shortest >= FAR + WORD_BYTES - 1 {
            FAR
        } else {
            NEAR
        };
        let bytes = (shortest + 1 - stride).min(WORD_BYTES);
        let compared = u64::MAX >> (8 * (WORD_BYTES - bytes));
        let mut before = HashMap::new();
        for value in values {
            for (place, word) in value.windows(bytes).take(stride).enumerate() {
                let mut whole = [0; WORD_BYTES];
                whole[..bytes].copy_from_slice(word);
                let most = before.entry(u64::from_le_bytes(whole)).or_insert(place);
                *most = place.max(*most);
            }
        }
        let entries = (before.len() * ROOM).next_power_of_two();
        let entries = entries.clamp(ENTRIES.0, ENTRIES.1);
        let mut words = Self {
            stride,
            compared,
            table: vec![0; entries].into(),
            shift: u64::BITS - entries.ilog2(),
            before,
        };
        for word in words.before.keys() {
            words.table[hash(*word, words.shift)] = 1;
        }
        Some(words)
    }

    /// How many bytes at the end of a text are not searched: a value that begins there may have no place that
    /// is looked at.
    pub(super) fn unsearched(&self) -> usize {
        self.stride + WORD_BYTES - 2
    }

    /// The first place in `text`, at or after `from`, where a value may begin.
    pub(super) fn first(&self, text: &[u8], from: usize) -> Option<usize> {
        match self.stride {
            FAR => self.first_of::<FAR>(text, from),
            _ => self.first_of::<NEAR>(text, from),
        }
    }

    fn first_of<const STRIDE: usize>(&self, text: &[u8], from: usize) -> Option<usize> {
        let begin = from.next_multiple_of(STRIDE);
        let (places, last) = text.get(begin..)?.as_chunks::<STRIDE>();
        let (table, compared, shift) = (&*self.table, self.compared, self.shift);
        let entry = |place: &[u8; STRIDE]| table[hash(word(place) & compared, shift)];
        let first = |index: usize, place: &[u8]| {
            let before = self.before.get(&(word(place) & compared))?;
            let at = begin + index * STRIDE;
            Some(at.saturating_sub(*before).max(from))
        };
        // Four at a time, because a branch for each takes as long as the rest.
        let (fours, rest) = places.as_chunks::<4>();
        for (index, [a, b, c, d]) in fours.iter().enumerate() {
            if entry(a) | entry(b) | entry(c) | entry(d) == 0 {
                continue;
            }
            for (place, index) in [a, b, c, d].into_iter().zip(index * 4..) {
                if entry(place) != 0
                    && let Some(first) = first(index, place)
                {
                    return Some(first);
                }
            }
        }
        let rest = rest.iter().map(<[u8; STRIDE]>::as_slice).chain([last]);
        rest.zip(fours.len() * 4..)
            .find_map(|(place, index)| first(index, place))
    }
}

/// The word at a place. One that the end of the text cuts is not searched for.
#[inline]
fn word(place: &[u8]) -> u64 {
    place
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it has 20 bits or less")]
fn hash(word: u64, shift: u32) -> usize {
    (word.wrapping_mul(FACTOR) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of each length, at each place of a text, whose first bytes are unlike each other.
    #[test]
    fn a_value_is_found_wherever_it_begins() {
        let value: Vec<u8> = (b'0'..b'z').collect();
        for length in SHORTEST..40 {
            let value = &value[..length];
            let words = Words::new(&[value]).unwrap();
            for place in 0..100 {
                let mut text = vec![b' '; place];
                text.extend_from_slice(value);
                text.resize(text.len() + words.unsearched(), b' ');
                assert_eq!(words.first(&text, 0), Some(place), "{length} {place}");
                assert_eq!(words.first(&text, place), Some(place));
                let after = words.first(&text, place + words.stride);
                assert_eq!(after, None, "{length} {place}");
            }
        }
    }

    #[test]
    fn the_end_of_a_text_is_not_searched() {
        let value = "a value that is long enough".as_bytes();
        let words = Words::new(&[value]).unwrap();
        let text = vec![b' '; words.unsearched()];
        let searched = [value, &text[value.len() - words.unsearched()..]].concat();
        assert_eq!(words.first(&searched[..=words.unsearched()], 0), Some(0));
        assert_eq!(words.first(b"", 0), None);
        assert_eq!(words.first(b"a value", 9), None);
    }

    #[test]
    fn of_values_with_a_word_in_common_the_first_place_is_found() {
        let (one, other) = (b"0123456789abcdefghijk", b"--456789abcdefghijklm");
        let words = Words::new(&[one, other]).unwrap();
        let text = |before, value: &[u8]| [&[b'.'; 12][..before], value, &[b'.'; 14]].concat();
        assert_eq!(words.first(&text(12, one), 0), Some(12));
        // Two bytes before it, the other value would begin.
        assert_eq!(words.first(&text(6, other), 0), Some(4));
    }

    #[test]
    fn a_thousand_values_are_found() {
        let values: Vec<String> = (0..1000).map(|n| format!("{n:04} is the number")).collect();
        let bytes: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
        let words = Words::new(&bytes).unwrap();
        for value in &values {
            let text = format!("{}{value}{}", "x".repeat(99), "x".repeat(99));
            assert_eq!(words.first(text.as_bytes(), 0), Some(99), "{value}");
        }
    }
}

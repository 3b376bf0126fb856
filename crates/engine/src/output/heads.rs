//! Where a value may begin: a fast search for the first bytes of all values.
//!
//! The automaton of the masker looks at each byte, which takes longer than everything else that is done with
//! output. Nearly all output has no value in it. So the automaton sleeps until the first bytes of one are there.

use std::collections::BTreeSet;

use aho_corasick::packed::{Config, Searcher};

use super::words::{SHORTEST, Words};

/// How many bytes of a short value are searched for. Fewer occur by chance.
const HEAD_BYTES: usize = 8;

/// Most heads that one searcher looks for. Each searcher reads the whole text, so fewer are faster. The vector
/// instructions of a processor sort heads into 16 buckets. With more than two heads in a bucket, some texts take
/// ten times as long.
const GROUP: usize = 32;

/// Searches for the heads of a set of values.
pub(super) struct Heads {
    /// For values that are too short for `words`.
    groups: Vec<Searcher>,
    words: Option<Words>,
    /// How many bytes at the end of a text are not searched.
    unsearched: usize,
}

/// What is known of one text: for each searcher, the first place that it found.
#[derive(Default)]
pub(super) struct Found(Vec<usize>);

impl Found {
    /// The first place at or after `from` that a searcher finds. It is asked where that is not known.
    fn place(&mut self, searcher: usize, from: usize, find: impl FnOnce() -> usize) -> usize {
        if self.0.len() <= searcher {
            self.0.push(find());
        } else if self.0[searcher] < from {
            self.0[searcher] = find();
        }
        self.0[searcher]
    }
}

impl Heads {
    /// `None` on processors without the instructions that find short values fast.
    pub(super) fn new(values: &[Vec<u8>]) -> Option<Self> {
        let values = values.iter().map(Vec::as_slice);
        let (long, short): (Vec<_>, Vec<_>) = values.partition(|value| value.len() >= SHORTEST);
        let heads: BTreeSet<&[u8]> = short
            .iter()
            .map(|value| &value[..value.len().min(HEAD_BYTES)])
            .collect();
        let longest = heads.iter().map(|head| head.len()).max();
        let heads: Vec<&[u8]> = heads.into_iter().collect();
        let groups = heads
            .chunks(GROUP)
            .map(|group| Config::new().builder().extend(group).build())
            .collect::<Option<_>>()?;
        let words = Words::new(&long);
        // A head that the end cuts may begin there.
        let cut = longest.map_or(0, |longest| longest - 1);
        let unsearched = words.as_ref().map_or(0, Words::unsearched).max(cut);
        Some(Self {
            groups,
            words,
            unsearched,
        })
    }

    /// The first place in `text`, at or after `from`, where a value may begin. One may begin in the last bytes of
    /// `text`, so the result is at most the beginning of these. `found` belongs to `text`, and `from` must not
    /// become less.
    pub(super) fn first(&self, text: &[u8], from: usize, found: &mut Found) -> usize {
        let mut first = text.len().saturating_sub(self.unsearched).max(from);
        for (index, group) in self.groups.iter().enumerate() {
            first = first.min(found.place(index, from, || {
                let rest = (from..text.len()).into();
                group.find_in(text, rest).map_or(text.len(), |m| m.start())
            }));
        }
        if let Some(words) = &self.words {
            first = first.min(found.place(self.groups.len(), from, || {
                words.first(text, from).unwrap_or(text.len())
            }));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(values: &[&str]) -> Heads {
        let values: Vec<Vec<u8>> = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        Heads::new(&values).unwrap()
    }

    #[test]
    fn the_first_head_is_found_and_one_that_the_end_cuts_too() {
        let heads = heads(&["0123456789", "ab"]);
        let mut found = Found::default();
        let text = b"--------ab--0123456x-------01234567---------";
        assert_eq!(heads.first(text, 0, &mut found), 8);
        assert_eq!(heads.first(text, 9, &mut found), 27);
        assert_eq!(heads.first(text, 28, &mut found), text.len() - 7);
        assert_eq!(heads.first(b"0123", 0, &mut Found::default()), 0);
        assert_eq!(heads.first(b"", 0, &mut Found::default()), 0);
    }

    #[test]
    fn many_values_are_found_in_groups() {
        let values: Vec<String> = (0..100).map(|n| format!("value number {n}")).collect();
        let values: Vec<Vec<u8>> = (0..100)
            .map(|n| format!("{n:03}-value").into_bytes())
            .chain(values.into_iter().map(String::into_bytes))
            .collect();
        let heads = Heads::new(&values).unwrap();
        assert!(heads.groups.len() > 1);
        let filler = "x".repeat(100);
        for n in [0, 50, 99] {
            let text = format!("{filler}{n:03}-value{filler}");
            assert_eq!(heads.first(text.as_bytes(), 0, &mut Found::default()), 100);
        }
    }
}

//! Replacing secrets in a byte stream, in one pass and with bounded memory.
//!
//! All values and their forms are searched at once with an Aho-Corasick automaton. Its state after some
//! bytes is the longest end of them that begins a value, so exactly that much is held back.
//! Values that overlap in the output are covered together: masking one must not leave a part of
//! another.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use aho_corasick::{
    Anchored, MatchKind,
    automaton::{Automaton, StateID},
    nfa::noncontiguous::NFA,
};

use super::{
    forms::forms,
    heads::{Found, Heads},
};

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Searches for a set of values. Cheap to clone.
#[derive(Clone)]
pub struct Masker(Kind);

#[derive(Clone)]
enum Kind {
    /// There are no values.
    Nothing,
    /// The values.
    Values(Arc<Search>),
    /// The values are too many to search for, so that all text may be one.
    Everything,
}

struct Search {
    automaton: NFA,
    start: StateID,
    heads: Option<Heads>,
    /// For each state, how many of the last bytes may be the beginning of a value that goes on.
    held: HashMap<StateID, usize>,
    longest: usize,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker")
    }
}

impl Masker {
    /// A masker of `values` and the forms in which programs print them. Empty values are skipped.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::of(values.into_iter().flat_map(forms).collect())
    }

    /// The same for text in lower case, such as a normalised host name.
    pub fn for_lower_case<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let forms = values.into_iter().flat_map(forms);
        Self::of(forms.map(|form| form.to_ascii_lowercase()).collect())
    }

    fn of(values: BTreeSet<Vec<u8>>) -> Self {
        let values: Vec<Vec<u8>> = values.into_iter().collect();
        if values.is_empty() {
            return Self(Kind::Nothing);
        }
        Self(Search::new(&values).map_or(Kind::Everything, |search| Kind::Values(search.into())))
    }

    /// Length of the longest value in bytes; 0 without values.
    #[must_use]
    pub fn longest(&self) -> usize {
        match &self.0 {
            Kind::Values(search) => search.longest,
            Kind::Nothing | Kind::Everything => 0,
        }
    }

    /// `text` with all values replaced.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        if matches!(self.0, Kind::Nothing) {
            return text.to_owned();
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut stream = MaskStream::new(self.clone());
        stream.push(text.as_bytes(), &mut masked);
        stream.finish(&mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }
}

impl Search {
    /// `None` when the automaton would have too many states.
    fn new(values: &[Vec<u8>]) -> Option<Self> {
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(values)
            .ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        let next = |state, byte| automaton.next_state(Anchored::No, state, byte);

        // The state after the beginning of a value stands for exactly that beginning.
        let mut held = HashMap::new();
        let mut goes_on = HashSet::new();
        for value in values {
            let mut state = start;
            for (seen, byte) in value.iter().enumerate() {
                goes_on.insert(state);
                state = next(state, *byte);
                held.insert(state, seen + 1);
            }
        }
        // A whole value that begins no longer one needs no holding; only an end of it may.
        let mut ends: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        ends.sort_unstable_by_key(|value| value.len());
        for value in ends {
            let state = value.iter().fold(start, |state, byte| next(state, *byte));
            if !goes_on.contains(&state) {
                let end = value[1..]
                    .iter()
                    .fold(start, |state, byte| next(state, *byte));
                let shorter = held.get(&end).copied().unwrap_or(0);
                held.insert(state, shorter);
            }
        }
        let longest = values.iter().map(Vec::len).max()?;
        Some(Self {
            automaton,
            start,
            heads: Heads::new(values),
            held,
            longest,
        })
    }

    /// Length of the longest value that ends in `state`.
    fn ended(&self, state: StateID) -> Option<usize> {
        if !self.automaton.is_match(state) {
            return None;
        }
        (0..self.automaton.match_len(state))
            .map(|index| {
                self.automaton
                    .pattern_len(self.automaton.match_pattern(state, index))
            })
            .max()
    }
}

/// One stream that is being masked.
#[derive(Debug)]
pub(super) struct MaskStream {
    masker: Masker,
    state: Option<StateID>,
    /// Bytes that are not written yet: the beginning of a value, perhaps.
    pending: Vec<u8>,
    /// Ranges of `pending` that are values, apart from each other and in order.
    found: Vec<(usize, usize)>,
    /// Whether the mask of the first range is written already.
    open: bool,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        Self {
            masker,
            state: None,
            pending: Vec::new(),
            found: Vec::new(),
            open: false,
        }
    }

    /// Appends what is now certain to `masked`.
    pub(super) fn push(&mut self, bytes: &[u8], masked: &mut Vec<u8>) {
        let search = match &self.masker.0 {
            Kind::Nothing => return masked.extend_from_slice(bytes),
            Kind::Values(search) => Arc::clone(search),
            Kind::Everything => {
                if !self.open && !bytes.is_empty() {
                    self.open = true;
                    masked.extend_from_slice(MASK);
                }
                return;
            }
        };
        let mut state = self.state.unwrap_or(search.start);
        let mut found = Found::default();
        let mut at = 0;
        while at < bytes.len() {
            if state == search.start
                && let Some(heads) = &search.heads
            {
                // No value has begun, so that all of this is certain.
                let first = heads.first(bytes, at, &mut found);
                if first > at {
                    self.write(self.pending.len(), masked);
                    masked.extend_from_slice(&bytes[at..first]);
                    at = first;
                    continue;
                }
            }
            state = search.automaton.next_state(Anchored::No, state, bytes[at]);
            self.pending.push(bytes[at]);
            if let Some(length) = search.ended(state) {
                self.cover(length);
            }
            at += 1;
        }
        self.state = Some(state);
        // What is found later begins in the held bytes.
        let held = search.held.get(&state).copied().unwrap_or(0);
        self.write(self.pending.len().saturating_sub(held), masked);
    }

    /// The stream has ended: nothing that is held became a value.
    pub(super) fn finish(&mut self, masked: &mut Vec<u8>) {
        self.write(self.pending.len(), masked);
    }

    /// Notes that the last `length` bytes are a value.
    fn cover(&mut self, length: usize) {
        let end = self.pending.len();
        let mut start = end.saturating_sub(length);
        while let Some((before, _)) = self.found.pop_if(|(_, until)| *until > start) {
            start = start.min(before);
        }
        self.found.push((start, end));
    }

    /// Writes the first `certain` bytes of `pending`.
    fn write(&mut self, certain: usize, masked: &mut Vec<u8>) {
        let mut written = 0;
        let mut rest = Vec::new();
        let mut still_open = false;
        for (index, (start, end)) in self.found.drain(..).enumerate() {
            let masked_before = self.open && index == 0;
            if start >= certain {
                still_open |= masked_before;
                rest.push((start - certain, end - certain));
                continue;
            }
            masked.extend_from_slice(&self.pending[written..start]);
            if !masked_before {
                masked.extend_from_slice(MASK);
            }
            written = end.min(certain);
            if end > certain {
                rest.push((0, end - certain));
                still_open = true;
            }
        }
        masked.extend_from_slice(&self.pending[written..certain]);
        self.found = rest;
        self.pending.drain(..certain);
        self.open = still_open;
    }
}

#[cfg(test)]
mod tests;

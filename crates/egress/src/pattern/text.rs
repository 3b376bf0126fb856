//! Comparing the text at one position.

use super::charset::CharSet;

/// The position after one character of `set`.
pub(super) fn consume(text: &[u8], position: usize, set: CharSet, forward: bool) -> Option<usize> {
    let (index, next) = if forward {
        (position, position + 1)
    } else {
        let index = position.checked_sub(1)?;
        (index, index)
    };
    text.get(index)
        .is_some_and(|&byte| set.contains(byte))
        .then_some(next)
}

/// The position after another occurrence of the text between `from` and `to`.
pub(super) fn same_text(
    text: &[u8],
    position: usize,
    (from, to): (usize, usize),
    ignore_case: bool,
    forward: bool,
) -> Option<usize> {
    let wanted = text.get(from..to)?;
    let (start, end, next) = if forward {
        let end = position + wanted.len();
        (position, end, end)
    } else {
        let start = position.checked_sub(wanted.len())?;
        (start, position, start)
    };
    let found = text.get(start..end)?;
    let same = if ignore_case {
        found.eq_ignore_ascii_case(wanted)
    } else {
        found == wanted
    };
    same.then_some(next)
}

/// Whether a word begins or ends at `position`.
pub(super) fn is_boundary(text: &[u8], position: usize) -> bool {
    let is_word = |index: Option<usize>| {
        index
            .and_then(|index| text.get(index))
            .is_some_and(|&byte| CharSet::WORD.contains(byte))
    };
    is_word(position.checked_sub(1)) != is_word(Some(position))
}

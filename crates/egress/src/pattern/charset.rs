//! Sets of ASCII characters. Normalised host names are ASCII, so no other character ever matters.

/// A set of ASCII characters, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CharSet(u128);

impl CharSet {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(u128::MAX);
    /// `\d`.
    pub(super) const DIGITS: Self = Self::span(b'0', b'9');
    /// `\w`.
    pub(super) const WORD: Self = Self(
        Self::DIGITS.0
            | Self::span(b'a', b'z').0
            | Self::span(b'A', b'Z').0
            | Self::span(b'_', b'_').0,
    );
    /// `\s`: tab, line feed, vertical tab, form feed, carriage return, space.
    pub(super) const SPACE: Self = Self(Self::span(b'\t', b'\r').0 | Self::span(b' ', b' ').0);
    /// What `.` does not match.
    pub(super) const LINE_ENDS: Self =
        Self(Self::span(b'\n', b'\n').0 | Self::span(b'\r', b'\r').0);

    const fn span(first: u8, last: u8) -> Self {
        Self((u128::MAX >> (127 - (last - first))) << first)
    }

    /// The ASCII characters from `first` to `last`, both UTF-16 code units.
    pub(super) fn range(first: u16, last: u16) -> Self {
        match (u8::try_from(first), u8::try_from(last.min(127))) {
            (Ok(first), Ok(last)) if first <= last => Self::span(first, last),
            _ => Self::NONE,
        }
    }

    pub(super) fn single(unit: u16) -> Self {
        Self::range(unit, unit)
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Both cases of each letter of the set. No character outside ASCII has the case of an ASCII
    /// letter in an ECMAScript pattern without the `u` flag.
    pub(super) const fn ignoring_case(self) -> Self {
        let upper = Self::span(b'A', b'Z').0;
        Self(self.0 | (self.0 & upper) << 32 | (self.0 & upper << 32) >> 32)
    }

    pub(super) fn contains(self, byte: u8) -> bool {
        byte.is_ascii() && self.0 >> byte & 1 == 1
    }

    /// The characters as ranges, in order.
    pub(super) fn ranges(self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for byte in (0..128).filter(|&byte| self.contains(byte)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == byte => *last = byte,
                _ => ranges.push((byte, byte)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_cases() {
        assert_eq!(
            CharSet::range(b'X'.into(), b'b'.into()).ranges(),
            [(b'X', b'b')]
        );
        assert_eq!(
            CharSet::range(b'X'.into(), b'b'.into())
                .ignoring_case()
                .ranges(),
            [(b'A', b'B'), (b'X', b'b'), (b'x', b'z')]
        );
        assert_eq!(CharSet::range(b'~'.into(), 0xffff).ranges(), [(b'~', 127)]);
        assert_eq!(CharSet::single(0xe9), CharSet::NONE);
        assert_eq!(CharSet::ALL.ranges(), [(0, 127)]);
        assert_eq!(CharSet::ALL.complement(), CharSet::NONE);
        assert!(!CharSet::ALL.contains(0xe9));
        assert_eq!(
            CharSet::WORD.ranges(),
            [(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')]
        );
    }
}

//! Character classes.

use super::charset::CharSet;
use super::escape::{self, Context, Escape};
use super::syntax::SyntaxError;
use super::units::Units;

/// A character class as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    set: CharSet,
    negated: bool,
}

impl Class {
    /// The characters that the class matches.
    pub(super) fn resolve(self, ignore_case: bool) -> CharSet {
        let set = if ignore_case {
            self.set.ignoring_case()
        } else {
            self.set
        };
        if self.negated { set.complement() } else { set }
    }
}

/// The class whose `[` has been consumed, up to its `]`. `names` says whether the pattern has named
/// groups.
pub(super) fn parse(units: &mut Units<'_>, names: bool) -> Result<Class, SyntaxError> {
    let negated = units.take('^');
    let mut set = CharSet::NONE;
    while !units.take(']') {
        let first = atom(units, names)?;
        let dash = u16::from(b'-');
        let is_range = units.peek() == Some(dash) && units.peek_second() != Some(u16::from(b']'));
        if !is_range {
            set = set.union(characters(first));
            continue;
        }
        units.next();
        let last = atom(units, names)?;
        set = set.union(match (first, last) {
            (Escape::Unit(first), Escape::Unit(last)) if first > last => {
                return Err(SyntaxError::Range);
            }
            (Escape::Unit(first), Escape::Unit(last)) => CharSet::range(first, last),
            // No range has a set as its end, so the dash is literal.
            (first, last) => {
                let ends = characters(first).union(characters(last));
                ends.union(CharSet::single(dash))
            }
        });
    }
    Ok(Class { set, negated })
}

fn atom(units: &mut Units<'_>, names: bool) -> Result<Escape, SyntaxError> {
    match units.next() {
        None => Err(SyntaxError::OpenClass),
        Some(unit) if unit == u16::from(b'\\') => escape::parse(units, Context::Class(names)),
        Some(unit) => Ok(Escape::Unit(unit)),
    }
}

fn characters(atom: Escape) -> CharSet {
    match atom {
        Escape::Unit(unit) => CharSet::single(unit),
        Escape::Set(set) => set,
    }
}

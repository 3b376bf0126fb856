//! The kinds of groups, and their names.

use super::syntax::{Flags, SyntaxError};
use super::units::Units;

/// Most capturing groups of one pattern.
const MAX_GROUPS: usize = 1000;

/// What follows a `(`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Capturing {
        named: bool,
    },
    /// `(?:` or one with flags.
    Plain,
    Look {
        ahead: bool,
        negated: bool,
    },
}

/// Reads the marks after a `(` that give the kind of its group. Writes flags of the group to `flags`.
pub(super) fn kind(units: &mut Units<'_>, flags: &mut Flags) -> Result<Kind, SyntaxError> {
    if !units.take('?') {
        return Ok(Kind::Capturing { named: false });
    }
    if units.take('<') {
        for (sign, negated) in [('=', false), ('!', true)] {
            if units.take(sign) {
                let ahead = false;
                return Ok(Kind::Look { ahead, negated });
            }
        }
        name(units)?;
        return Ok(Kind::Capturing { named: true });
    }
    for (sign, negated) in [('=', false), ('!', true)] {
        if units.take(sign) {
            let ahead = true;
            return Ok(Kind::Look { ahead, negated });
        }
    }
    *flags = modifiers(units, *flags).ok_or(SyntaxError::GroupKind)?;
    Ok(Kind::Plain)
}

/// `:`, or flags that hold for the group as in `(?i-s:`.
fn modifiers(units: &mut Units<'_>, mut flags: Flags) -> Option<Flags> {
    let mut seen = Vec::new();
    for value in [true, false] {
        while let Some(letter) = units.take_if(|byte| b"ims".contains(&byte)) {
            if seen.contains(&letter) {
                return None;
            }
            seen.push(letter);
            match letter {
                b'i' => flags.ignore_case = value,
                b's' => flags.dot_matches_all = value,
                _ => {}
            }
        }
        if units.take(':') {
            // `(?-:` switches nothing off.
            return (value || !seen.is_empty()).then_some(flags);
        }
        if !value || !units.take('-') {
            return None;
        }
    }
    None
}

/// The name after `(?<` or `\k<`, with its `>`.
fn name(units: &mut Units<'_>) -> Result<String, SyntaxError> {
    let mut name = Vec::new();
    loop {
        if units.take('>') {
            break;
        }
        let unit = units.next().ok_or(SyntaxError::GroupName)?;
        if unit != u16::from(b'\\') {
            name.push(unit);
            continue;
        }
        let escaped = units
            .attempt(|units| {
                if !units.take('u') {
                    return None;
                }
                units.hex(4).map(|unit| vec![unit]).or_else(|| {
                    let mut code = 0_u32;
                    if !units.take('{') {
                        return None;
                    }
                    while let Some(digit) = units.hex(1) {
                        code = code.checked_mul(16)? + u32::from(digit);
                    }
                    let mut buffer = [0; 2];
                    let character = char::from_u32(code).filter(|_| units.take('}'))?;
                    Some(character.encode_utf16(&mut buffer).to_vec())
                })
            })
            .ok_or(SyntaxError::GroupName)?;
        name.extend(escaped);
    }
    let name = String::from_utf16(&name).map_err(|_| SyntaxError::GroupName)?;
    let starts = |c: char| c.is_alphabetic() || c == '$' || c == '_';
    let continues =
        |c: char| c.is_alphanumeric() || matches!(c, '$' | '_' | '\u{200c}' | '\u{200d}');
    let valid = name.chars().next().is_some_and(starts) && name.chars().all(continues);
    valid.then_some(name).ok_or(SyntaxError::GroupName)
}

/// The names of all capturing groups, by number. `\1` and `\k<a>` may come before their groups, so
/// the names have to be known first.
#[derive(Debug)]
pub(super) struct GroupNames(Vec<Option<String>>);

impl GroupNames {
    /// Finds the capturing groups in a pattern.
    pub(super) fn scan(units: &[u16]) -> Result<Self, SyntaxError> {
        let mut units = Units::new(units);
        let mut names = Vec::new();
        let mut in_class = false;
        while let Some(unit) = units.next() {
            match u8::try_from(unit) {
                Ok(b'\\') => {
                    units.next();
                }
                Ok(b'[') => in_class = true,
                Ok(b']') => in_class = false,
                Ok(b'(') if !in_class => {
                    if names.len() == MAX_GROUPS {
                        return Err(SyntaxError::TooManyGroups);
                    }
                    if !units.take('?') {
                        names.push(None);
                    } else if units.take('<') && !units.take('=') && !units.take('!') {
                        names.push(Some(name(&mut units)?));
                    }
                }
                _ => {}
            }
        }
        Ok(Self(names))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether any group has a name, which makes `\k` a reference.
    pub(super) fn any_named(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// Whether `group` has the name of one of `others`.
    pub(super) fn clashes(&self, group: usize, others: &[usize]) -> bool {
        let name = |group: usize| self.0.get(group).and_then(Option::as_ref);
        others.iter().any(|&other| name(other) == name(group))
    }

    /// The groups that a `\k` refers to.
    pub(super) fn referenced(&self, units: &mut Units<'_>) -> Result<Vec<usize>, SyntaxError> {
        if !units.take('<') {
            return Err(SyntaxError::Reference);
        }
        let wanted = name(units)?;
        let groups: Vec<usize> = (0..self.0.len())
            .filter(|&group| self.0[group].as_ref() == Some(&wanted))
            .collect();
        if groups.is_empty() {
            return Err(SyntaxError::Reference);
        }
        Ok(groups)
    }
}

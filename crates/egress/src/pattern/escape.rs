//! What follows a backslash.

use super::charset::CharSet;
use super::syntax::SyntaxError;
use super::units::Units;

/// What an escape stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// One code unit.
    Unit(u16),
    /// `\d`, `\w`, `\s` or one of their complements.
    Set(CharSet),
}

/// Where an escape stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Atom,
    /// In a character class, in a pattern with (`true`) or without named groups.
    Class(bool),
}

/// The number, from 0, of the group that a decimal escape refers to. Where there is no such group,
/// nothing is consumed and the escape is an octal one.
pub(super) fn backreference(units: &mut Units<'_>, groups: usize) -> Option<usize> {
    units.attempt(|units| {
        units.peek().filter(|&unit| unit != u16::from(b'0'))?;
        let number = units.number()?;
        (number <= groups).then(|| number - 1)
    })
}

/// The escape after a backslash that has been consumed.
pub(super) fn parse(units: &mut Units<'_>, context: Context) -> Result<Escape, SyntaxError> {
    if let Some(value) = octal(units).or_else(|| control(units, context)) {
        return Ok(Escape::Unit(value));
    }
    let Some(unit) = units.next() else {
        return Err(SyntaxError::TrailingBackslash);
    };
    let Ok(byte) = u8::try_from(unit) else {
        return Ok(Escape::Unit(unit));
    };
    let value = match byte {
        b'd' => return Ok(Escape::Set(CharSet::DIGITS)),
        b'D' => return Ok(Escape::Set(CharSet::DIGITS.complement())),
        b'w' => return Ok(Escape::Set(CharSet::WORD)),
        b'W' => return Ok(Escape::Set(CharSet::WORD.complement())),
        b's' => return Ok(Escape::Set(CharSet::SPACE)),
        b'S' => return Ok(Escape::Set(CharSet::SPACE.complement())),
        b't' => u16::from(b'\t'),
        b'n' => u16::from(b'\n'),
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => u16::from(b'\r'),
        b'b' if context != Context::Atom => 0x08,
        b'k' if context == Context::Class(true) => return Err(SyntaxError::Reference),
        b'x' => units.hex(2).unwrap_or(unit),
        b'u' => units.hex(4).unwrap_or(unit),
        _ => unit,
    };
    Ok(Escape::Unit(value))
}

/// `\cA`. Where no control letter follows, the backslash is literal and the `c` is left.
fn control(units: &mut Units<'_>, context: Context) -> Option<u16> {
    units.peek().filter(|&unit| unit == u16::from(b'c'))?;
    let letter = units.attempt(|units| {
        units.next();
        units.take_if(|byte| {
            byte.is_ascii_alphabetic()
                || context != Context::Atom && (byte.is_ascii_digit() || byte == b'_')
        })
    });
    Some(u16::from(letter.map_or(b'\\', |letter| letter % 32)))
}

/// `\0` to `\377`.
fn octal(units: &mut Units<'_>) -> Option<u16> {
    let digit = |units: &mut Units<'_>, most: u8| {
        let digit = units.take_if(|byte| (b'0'..=most).contains(&byte))?;
        Some(u16::from(digit - b'0'))
    };
    let first = digit(units, b'7')?;
    let Some(second) = digit(units, b'7') else {
        return Some(first);
    };
    let value = first * 8 + second;
    let third = if first <= 3 { digit(units, b'7') } else { None };
    Some(third.map_or(value, |third| value * 8 + third))
}

//! A position in the UTF-16 code units of a pattern.

/// Reads code units from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units<'a> {
    rest: &'a [u16],
}

impl<'a> Units<'a> {
    pub(super) fn new(units: &'a [u16]) -> Self {
        Self { rest: units }
    }

    /// The next unit, which stays.
    pub(super) fn peek(&self) -> Option<u16> {
        self.rest.first().copied()
    }

    /// The unit after the next one.
    pub(super) fn peek_second(&self) -> Option<u16> {
        self.rest.get(1).copied()
    }

    /// The next unit, which is consumed.
    pub(super) fn next(&mut self) -> Option<u16> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Consumes the next unit if it is `expected`, an ASCII character.
    pub(super) fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == u16::try_from(u32::from(expected)).ok();
        if found {
            self.next();
        }
        found
    }

    /// Consumes the next unit if it is an ASCII character for which `holds`.
    pub(super) fn take_if(&mut self, holds: impl Fn(u8) -> bool) -> Option<u8> {
        let byte = u8::try_from(self.peek()?).ok()?;
        let found = byte.is_ascii() && holds(byte);
        found.then(|| {
            self.next();
            byte
        })
    }

    /// What `read` returns. Where that is `None`, nothing is consumed.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut ahead = *self;
        let found = read(&mut ahead)?;
        *self = ahead;
        Some(found)
    }

    /// A decimal number; one that is too large becomes the largest.
    pub(super) fn number(&mut self) -> Option<usize> {
        let mut number: Option<usize> = None;
        while let Some(digit) = self.take_if(|byte| byte.is_ascii_digit()) {
            let value = number.unwrap_or(0).saturating_mul(10);
            number = Some(value.saturating_add(usize::from(digit - b'0')));
        }
        number
    }

    /// Exactly `count` hexadecimal digits.
    pub(super) fn hex(&mut self, count: usize) -> Option<u16> {
        self.attempt(|units| {
            let mut value = 0;
            for _ in 0..count {
                let digit = units.take_if(|byte| byte.is_ascii_hexdigit())?;
                value = value << 4 | char::from(digit).to_digit(16)?;
            }
            u16::try_from(value).ok()
        })
    }
}

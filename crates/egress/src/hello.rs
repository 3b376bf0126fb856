//! The server name in a TLS client's hello (RFC 8446 section 4.1.2, RFC 6066 section 3).
//!
//! The parser is stricter than TLS, because a server must never read another name than this parser:
//! one name, no extension twice, every length exact, nothing after the hello in its last record.
//!
//! ```text
//! record     type 22 | version 3.x | length u16 | fragment          (the hello may span several)
//! handshake  type 1  | length u24  | body
//! body       version u16 | random 32 | session id <u8> | ciphers <u16> | compression <u8>
//!            | extensions <u16> of (type u16, data <u16>)
//! ```

use crate::limits::{MAX_HELLO, MAX_HELLO_RECORDS};

const RECORD_HEADER: usize = 5;
/// Longest fragment of a plaintext record (RFC 8446, section 5.1).
const MAX_FRAGMENT: usize = 1 << 14;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// What the first bytes of a client turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hello {
    /// Undecided. Inspect again when there are this many bytes in all.
    Incomplete(usize),
    /// Not the beginning of a TLS handshake.
    NotTls,
    /// The beginning of a TLS handshake, but not a hello that can be judged.
    Malformed(&'static str),
    /// A complete hello, with the server name in it, if there is one.
    Client(Option<String>),
}

/// Inspects the first bytes of a client. Allocates no more than the length of `bytes`.
#[must_use]
pub fn inspect(bytes: &[u8]) -> Hello {
    // The first byte of the handshake helps to tell TLS from other protocols.
    let expected = [
        Some(HANDSHAKE),
        Some(3),
        None,
        None,
        None,
        Some(CLIENT_HELLO),
    ];
    if bytes
        .iter()
        .zip(expected)
        .any(|(&byte, want)| want.is_some_and(|want| want != byte))
    {
        return Hello::NotTls;
    }
    if bytes.len() < expected.len() {
        return Hello::Incomplete(expected.len());
    }
    let mut message = Vec::new();
    let mut rest = bytes;
    for _ in 0..MAX_HELLO_RECORDS {
        let consumed = bytes.len() - rest.len();
        let Some((header, after)) = rest.split_at_checked(RECORD_HEADER) else {
            return incomplete(consumed + RECORD_HEADER);
        };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if header[0] != HANDSHAKE || header[1] != 3 {
            return Hello::Malformed("the hello is interrupted by another record");
        }
        if length == 0 || length > MAX_FRAGMENT {
            return Hello::Malformed("a record has an impossible length");
        }
        let Some((fragment, after)) = after.split_at_checked(length) else {
            return incomplete(consumed + RECORD_HEADER + length);
        };
        message.extend_from_slice(fragment);
        rest = after;
        let [_, a, b, c, body @ ..] = message.as_slice() else {
            continue;
        };
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if length > MAX_HELLO {
            return Hello::Malformed("the hello is too long");
        }
        if body.len() > length {
            return Hello::Malformed("data follows the hello in its record");
        }
        if body.len() == length {
            return parse(body).unwrap_or(Hello::Malformed("the hello cannot be parsed"));
        }
    }
    Hello::Malformed("the hello is spread over too many records")
}

fn incomplete(needed: usize) -> Hello {
    if needed > MAX_HELLO {
        Hello::Malformed("the hello is too long")
    } else {
        Hello::Incomplete(needed)
    }
}

/// Parses the body of a hello. Returns `None` if it is not one.
fn parse(body: &[u8]) -> Option<Hello> {
    let mut reader = Reader(body);
    reader.take(2 + 32)?;
    let session = reader.vector8()?;
    let ciphers = reader.vector16()?;
    let compression = reader.vector8()?;
    if session.len() > 32 || ciphers.is_empty() || ciphers.len() % 2 != 0 || compression.is_empty()
    {
        return None;
    }
    if reader.0.is_empty() {
        // Before TLS 1.2 a hello could end here.
        return Some(Hello::Client(None));
    }
    let mut extensions = Reader(reader.vector16()?);
    reader.end()?;
    let mut name = None;
    let mut seen = Vec::new();
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let data = extensions.vector16()?;
        seen.push(kind);
        if kind == SERVER_NAME {
            name = Some(host_name(data)?);
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    (seen.len() == count).then_some(Hello::Client(name))
}

/// Returns the host name of a `server_name` extension that has exactly one.
fn host_name(data: &[u8]) -> Option<String> {
    let mut outer = Reader(data);
    let mut list = Reader(outer.vector16()?);
    outer.end()?;
    if list.u8()? != HOST_NAME {
        return None;
    }
    let name = list.vector16()?;
    list.end()?;
    let name = std::str::from_utf8(name).ok()?;
    (!name.is_empty() && name.is_ascii()).then(|| name.to_owned())
}

/// Reads bytes from the front. Every method returns `None` past the end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

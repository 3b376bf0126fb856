//! Whether the first line of a client is the request line of HTTP (RFC 9112, section 3).
//!
//! Servers read request lines leniently. So this counts as HTTP what any known server might read as
//! HTTP: empty lines in front, every kind of white space between the words, a version that is cut off.
//! A line that no server reads as HTTP is the beginning of another protocol. The PROXY protocol, which some
//! servers take in front of a request, counts as HTTP.

use crate::limits::MAX_FIRST_LINE;

/// The beginning of the PROXY protocol, version 2. No other protocol begins like this.
const PROXY_V2: &[u8] = b"\r\n\r\n\0";

/// The first word of its version 1.
const PROXY_V1: &[u8] = b"PROXY";

/// What the first bytes of a client without TLS are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstLine {
    /// Undecided: more bytes are needed.
    Incomplete,
    /// The beginning of an HTTP request, or a line that is too long to be judged as another protocol.
    Http,
    /// Another protocol.
    Other,
}

/// Inspects all bytes that a client has sent.
pub(super) fn inspect(bytes: &[u8]) -> FirstLine {
    if bytes.starts_with(PROXY_V2) {
        return FirstLine::Http;
    }
    let start = bytes
        .iter()
        .position(|&byte| byte != b'\n' && !is_space(byte));
    let Some(start) = start else {
        return undecided(bytes);
    };
    let rest = &bytes[start..];
    let end = rest.iter().position(|&byte| byte == b'\n');
    let line = &rest[..end.unwrap_or(rest.len())];
    let method = line.iter().take_while(|&&byte| is_token(byte)).count();
    let (method, after) = line.split_at(method);
    if method.is_empty() || after.first().is_some_and(|&byte| !is_space(byte)) {
        return FirstLine::Other;
    }
    let target = after.iter().position(|&byte| !is_space(byte));
    let target = target.map_or(&[][..], |start| &after[start..]);
    let is_proxy_protocol = method == PROXY_V1 && !after.is_empty();
    if is_proxy_protocol || names_version(after) || is_old_get(method, target) {
        return FirstLine::Http;
    }
    if end.is_some() || is_binary(method, target) {
        return FirstLine::Other;
    }
    undecided(bytes)
}

fn undecided(bytes: &[u8]) -> FirstLine {
    if bytes.len() < MAX_FIRST_LINE {
        FirstLine::Incomplete
    } else {
        FirstLine::Http
    }
}

/// Whether a word begins with `HTTP/`.
fn names_version(line: &[u8]) -> bool {
    line.windows(6)
        .any(|window| is_space(window[0]) && window[1..].eq_ignore_ascii_case(b"HTTP/"))
}

/// Whether it is a request of HTTP/0.9, in which some servers read a `Host` field all the same.
fn is_old_get(method: &[u8], target: &[u8]) -> bool {
    let is_url = |text: &[u8]| text.windows(3).any(|window| window == b"://");
    method == b"GET" && (target.starts_with(b"/") || is_url(target))
}

/// Whether the line has bytes that no server takes in a target. Some servers take all bytes there, but
/// only with the name of a method in front.
fn is_binary(method: &[u8], target: &[u8]) -> bool {
    let has_bytes = target.contains(&0) || target.first().is_some_and(u8::is_ascii_control);
    has_bytes && !method.iter().all(u8::is_ascii_uppercase)
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What lenient parsers take for white space within a line: that of RFC 9112, and what Python's
/// `str.split` takes for it in Latin-1.
fn is_space(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | 0x0b | 0x0c | b'\r' | 0x1c..=0x1f | 0x85 | 0xa0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_in_every_spelling_are_http() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "POST /x HTTP/1.0\r\n",
            "get / http/1.1\n",
            "\r\n\n GET / HTTP/1.1\r\n",
            "\tGET\t/\tHTTP/1.1\r\n",
            "GET\x0b/\x0cHTTP/1.1\r\n",
            "GET\x1c/\x1fHTTP/1.1\r\n",
            "X\rGET / HTTP/1.1\r\n",
            "FOO.bar-1 * HTTP/9.9",
            "GET /\x01 HTTP/1.1\r\n",
            "PUT /\0 HTTP/1.1\r\n",
            "PUT \x01 HTTP/1.1\r\n",
            "GET /a b c HTTP/1.1 \r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "CONNECT denied.test:80 HTTP/1.1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n",
            "\r\n\r\n\0\r\nQUIT\n",
            // As far as it has come.
            "GET / HTTP/",
            "GET /",
            "GET http://denied.test/\r\n",
        ] {
            assert_eq!(inspect(line.as_bytes()), FirstLine::Http, "{line:?}");
        }
        assert_eq!(inspect(b"GET\xa0/x\x85HTTP/1.1\n"), FirstLine::Http);
        let long = [b"GET".as_slice(), &[b'x'; MAX_FIRST_LINE]].concat();
        assert_eq!(inspect(&long), FirstLine::Http);
    }

    #[test]
    fn other_protocols_are_none() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9\r\n"[..],
            b"EHLO client.test\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"get key\r\n",
            b"NICK a\r\n",
            b"OPTIONS rtsp://a.test RTSP/1.0\r\n",
            b"CONNECT {\"verbose\":false}\r\n",
            b"@RSYNCD: 31.0\n",
            b"( 2 ( edit-pipeline",
            b"003egit-upload-pack /x.git\0host=a.test\0",
            b"0\x0c\x02\x01\x01`\x07\x02\x01\x03",
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
            b"\x3a\x00\x00\x00",
            b"a \x00\x00",
            b"AMQP\x00\x00\x09\x01",
            b"\xff\xfb\x1f",
            b"\n\x05hello",
            b"/who\r\n",
        ] {
            let shown = bytes.escape_ascii();
            assert_eq!(inspect(bytes), FirstLine::Other, "{shown}");
        }
    }

    #[test]
    fn beginnings_are_undecided() {
        for bytes in [
            &b""[..],
            b"\r\n",
            b"  ",
            b"G",
            b"GET ",
            b"PUT /x HTTP",
            b"PUT \x01\x00",
        ] {
            assert_eq!(inspect(bytes), FirstLine::Incomplete, "{bytes:?}");
        }
    }

    #[test]
    fn more_bytes_never_change_a_decision() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "\r\n PUT /x HTTP/1.0\r\n",
            "EHLO a\r\nGET / HTTP/1.1\r\n",
        ] {
            let mut decided = FirstLine::Incomplete;
            for end in 0..=line.len() {
                let now = inspect(&line.as_bytes()[..end]);
                assert!(
                    decided == FirstLine::Incomplete || decided == now,
                    "{line:?} {end}"
                );
                decided = now;
            }
            assert_ne!(decided, FirstLine::Incomplete);
        }
    }
}

//! Removes header fields that belong to one hop, and rebuilds the fields that frame a message.

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields that never pass (RFC 9110, section 7.6.1, and the unofficial ones in use).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The only protocol that a connection may be upgraded to. HTTP/2 without TLS, above all, could carry
/// requests to hosts that were not judged.
const WEBSOCKET: &str = "websocket";

/// Removes the fields of this hop, including those that `Connection` names.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|token| HeaderName::try_from(token).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Whether `headers` ask for, or grant, an upgrade to WebSocket and to nothing else.
pub(crate) fn upgrades(headers: &HeaderMap) -> bool {
    let mut protocols = tokens(headers, &UPGRADE);
    protocols
        .next()
        .is_some_and(|token| token.eq_ignore_ascii_case(WEBSOCKET))
        && protocols.next().is_none()
        && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case(UPGRADE.as_str()))
}

/// Adds the fields back that an upgrade needs and [`strip`] has removed.
pub(crate) fn keep_upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Prepares the fields of a request for upstream: removes those of this hop, and sets `Host` and
/// framing. `length` is that of the body, `None` when only its end will show it. `host` is the host
/// that was judged.
pub(crate) fn outbound(headers: &mut HeaderMap, host: HeaderValue, length: Option<u64>) {
    let declared = headers.contains_key(CONTENT_LENGTH);
    strip(headers);
    // This proxy answers the expectation itself: it asks for the body when it forwards it.
    headers.remove(EXPECT);
    headers.insert(HOST, host);
    headers.remove(CONTENT_LENGTH);
    match length {
        Some(0) if !declared => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        None => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

/// Prepares the fields of an answer for the client. `length` is that of the body as it was framed. A
/// declared length that did not frame the body must not frame it now.
pub(crate) fn inbound(headers: &mut HeaderMap, length: Option<u64>) {
    strip(headers);
    match length {
        // The answer to HEAD declares a length and has no body.
        Some(0) => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        None => {
            headers.remove(CONTENT_LENGTH);
        }
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn fields_of_one_hop_are_removed() {
        let mut headers = map(&[
            ("connection", "close, X-Own, Host, content-length"),
            ("connection", "keep-alive"),
            ("x-own", "1"),
            ("x-kept", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic c2VjcmV0"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("host", "evil.test"),
            ("content-length", "007"),
        ]);
        outbound(
            &mut headers,
            HeaderValue::from_static("judged.test"),
            Some(7),
        );
        let expected = map(&[
            ("x-kept", "2"),
            ("host", "judged.test"),
            ("content-length", "7"),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_message_gets_exactly_one_framing() {
        for (length, expected) in [
            (
                None,
                map(&[("host", "a"), ("transfer-encoding", "chunked")]),
            ),
            (Some(0), map(&[("host", "a"), ("content-length", "0")])),
            (Some(3), map(&[("host", "a"), ("content-length", "3")])),
        ] {
            let mut headers = map(&[("content-length", "9")]);
            outbound(&mut headers, HeaderValue::from_static("a"), length);
            assert_eq!(headers, expected);
        }
        let mut headers = HeaderMap::new();
        outbound(&mut headers, HeaderValue::from_static("a"), Some(0));
        assert_eq!(headers, map(&[("host", "a")]));
    }

    #[test]
    fn only_websocket_upgrades_pass() {
        for (upgrade, connection, expected) in [
            ("websocket", "Upgrade", true),
            ("WebSocket", "keep-alive, upgrade", true),
            ("h2c", "Upgrade", false),
            ("websocket, h2c", "Upgrade", false),
            ("websocket", "keep-alive", false),
        ] {
            let headers = map(&[("upgrade", upgrade), ("connection", connection)]);
            assert_eq!(upgrades(&headers), expected, "{upgrade} {connection}");
        }
    }
}

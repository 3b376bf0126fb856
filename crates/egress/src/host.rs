//! Normalises hosts, so that the host that is judged is the host that is dialled. Owns [`Host`].

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::limits::MAX_HOST;

/// Longest host name in DNS (RFC 1035, section 2.3.4, in text form without the final dot).
const MAX_NAME: usize = 253;
/// Longest label in DNS.
const MAX_LABEL: usize = 63;

/// A normalised host: a name in lower-case ASCII without a trailing dot (IDNA applied), or an
/// address in its canonical form. No port, no brackets, no user information.
///
/// Addresses are read as the WHATWG URL Standard reads them, so decimal, hexadecimal, octal and
/// short spellings, and IPv4-mapped IPv6, all become the same host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    text: String,
    ip: Option<IpAddr>,
}

/// Why a text is not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The text is empty.
    #[error("the host is empty")]
    Empty,
    /// The text is longer than [`MAX_HOST`], or a name or label is longer than DNS allows.
    #[error("the host name is too long")]
    TooLong,
    /// It has a byte that no host name has: control, space, percent escape, user information.
    #[error("the host contains a character that no host name has")]
    Character,
    /// Neither a name nor an address.
    #[error("the host is neither a name nor an address")]
    Malformed,
}

impl Host {
    /// Normalises `raw`, which has no port. IPv6 addresses may have brackets. Zone identifiers are
    /// refused.
    pub fn parse(raw: &str) -> Result<Self, HostError> {
        if raw.is_empty() {
            return Err(HostError::Empty);
        }
        if raw.len() > MAX_HOST {
            return Err(HostError::TooLong);
        }
        // Percent escapes are legal in the host of a URL, but no honest client sends them to a proxy.
        if raw
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '%' | '@'))
        {
            return Err(HostError::Character);
        }
        let parsed = if raw.contains(':') && !raw.starts_with('[') {
            url::Host::parse(&format!("[{raw}]"))
        } else {
            url::Host::parse(raw)
        };
        match parsed {
            Ok(url::Host::Ipv4(ip)) => Ok(Self::from_ip(ip.into())),
            Ok(url::Host::Ipv6(ip)) => Ok(Self::from_ip(ip.into())),
            Ok(url::Host::Domain(name)) => Self::from_name(name),
            Err(url::ParseError::EmptyHost) => Err(HostError::Empty),
            Err(_) => Err(HostError::Malformed),
        }
    }

    fn from_ip(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        Self {
            text: ip.to_string(),
            ip: Some(ip),
        }
    }

    fn from_name(mut name: String) -> Result<Self, HostError> {
        if name.ends_with('.') {
            name.pop();
        }
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if name.len() > MAX_NAME || name.split('.').any(|label| label.len() > MAX_LABEL) {
            return Err(HostError::TooLong);
        }
        if name.split('.').any(str::is_empty) {
            return Err(HostError::Malformed);
        }
        // WHATWG allows most ASCII punctuation. This rule is narrower, because a name ends up in
        // header fields, messages and the system resolver.
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if !name.bytes().all(|b| plain(b) || b == b'.') {
            return Err(HostError::Character);
        }
        Ok(Self {
            text: name,
            ip: None,
        })
    }

    /// The name, or the address without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, if the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The host in the form of a `Host` field or a URL: IPv6 in brackets, and the port unless it is
    /// `default_port`.
    #[must_use]
    pub fn authority(&self, port: u16, default_port: u16) -> String {
        if port == default_port {
            self.bracketed()
        } else {
            format!("{}:{port}", self.bracketed())
        }
    }

    /// The address with brackets if it is IPv6, else the same as [`Host::as_str`].
    pub(crate) fn bracketed(&self) -> String {
        match self.ip {
            Some(IpAddr::V6(_)) => format!("[{}]", self.text),
            _ => self.text.clone(),
        }
    }

    /// The IPv6 address, if the host is one. Patterns may write it with brackets.
    pub(crate) fn ipv6(&self) -> Option<Ipv6Addr> {
        match self.ip {
            Some(IpAddr::V6(ip)) => Some(ip),
            _ => None,
        }
    }
}

impl<A: Into<IpAddr>> From<A> for Host {
    fn from(address: A) -> Self {
        Self::from_ip(address.into())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_host_become_one() {
        for (raw, normal) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("EXAMPLE。com", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example.", "xn--bcher-kva.example"),
            ("exa\u{ad}mple.com", "example.com"),
            ("ｅxample.com", "example.com"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("0x7F.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("::ffff:7f00:1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("[FE80::1]", "fe80::1"),
            ("①②⑦.0.0.1", "127.0.0.1"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(
                Host::parse(raw).map(|h| h.to_string()),
                Ok(normal.to_owned()),
                "{raw}"
            );
        }
    }

    #[test]
    fn texts_that_are_not_hosts_are_refused() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = "a.".repeat(127) + "abc";
        for raw in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.com..",
            "exa\0mple.com",
            "a\nb",
            "a b",
            "a\tb",
            "a\u{7f}b",
            "user@example.com",
            "exa%6dple.com",
            "[fe80::1%25eth0]",
            "fe80::1%eth0",
            "[::1",
            "::1]",
            "1.2.3.4.5",
            "256.0.0.1",
            "0x7f.0.0.0x100",
            "1.2.3.09",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a:b",
            "a!b",
            "a'b",
            "a\"b",
            "a<b",
            "a,b",
            "a;b",
            "a*b",
            "example.com:80",
            "\u{ad}",
            long_label.as_str(),
            long_name.as_str(),
            "xn--\u{0}",
            "a\u{85}b",
            "a\u{200e}\u{202e}b:",
        ] {
            assert!(
                Host::parse(raw).is_err(),
                "{raw:?} → {:?}",
                Host::parse(raw)
            );
        }
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for raw in [
            "example.com",
            "127.0.0.1",
            "::1",
            "2001:db8::1",
            "xn--bcher-kva.example",
        ] {
            let host = Host::parse(raw).unwrap();
            assert_eq!(Host::parse(host.as_str()), Ok(host.clone()));
            assert_eq!(Host::parse(&host.bracketed()), Ok(host));
        }
    }

    #[test]
    fn the_authority_has_brackets_and_port_where_needed() {
        let six = Host::parse("::1").unwrap();
        assert_eq!(six.authority(80, 80), "[::1]");
        assert_eq!(six.authority(8080, 80), "[::1]:8080");
        assert_eq!(Host::parse("a.b").unwrap().authority(81, 80), "a.b:81");
    }
}

//! Addresses of servers.

use std::fmt;

use url::Url;

use crate::error::ConnectionError;

/// What stands before the path of a socket.
const SOCKET: &str = "unix:";

/// What requests name that go through a socket.
const SOCKET_BASE: &str = "http://localhost";

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// Without the `/` at its end.
    base: String,
    /// The path of the socket that leads there; none where the address does.
    socket: Option<String>,
}

impl Host {
    /// The address in `text`, such as `http://localhost:3000` or `unix:/run/isol8.sock`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectionError> {
        let invalid = || ConnectionError::Host {
            host: text.to_owned(),
        };
        if let Some(path) = text.strip_prefix(SOCKET) {
            if !path.starts_with('/') {
                return Err(invalid());
            }
            return Ok(Self {
                base: SOCKET_BASE.to_owned(),
                socket: Some(path.to_owned()),
            });
        }
        let url = Url::parse(text).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConnectionError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid());
        }
        Ok(Self {
            base: without_slash(text).to_owned(),
            socket: None,
        })
    }

    /// The address of an endpoint.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.base
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// The path of the socket that leads to the server; none where its address does.
    pub(crate) fn socket(&self) -> Option<&str> {
        self.socket.as_deref()
    }
}

/// As its user wrote it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "{SOCKET}{path}"),
            None => f.write_str(&self.base),
        }
    }
}

fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

/// Whether two addresses are one, apart from a `/` at the end.
#[must_use]
pub fn is_same_host(one: &str, other: &str) -> bool {
    without_slash(one) == without_slash(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_one_slash_and_keeps_its_path() {
        for (text, endpoint) in [
            ("http://a:1/", "http://a:1/health"),
            ("https://a/isol8", "https://a/isol8/health"),
        ] {
            assert_eq!(Host::parse(text).unwrap().join("/health"), endpoint);
        }
        let socket = Host::parse("unix:/run/a.sock").unwrap();
        assert_eq!(socket.join("/health"), "http://localhost/health");
        assert_eq!(socket.socket(), Some("/run/a.sock"));
        assert!(is_same_host("http://a:1/", "http://a:1"));
        assert!(!is_same_host("http://a:1", "http://a:2"));
    }

    #[test]
    fn what_is_no_web_address_is_refused_and_passwords_are_not_repeated() {
        for text in [
            "",
            "localhost:3000",
            "ftp://a",
            "http://",
            "http://a?b",
            "/x",
            "unix:x",
            "unix:",
        ] {
            let refused = Host::parse(text).unwrap_err();
            assert!(matches!(refused, ConnectionError::Host { .. }), "{text}");
        }
        let refused = Host::parse("http://user:hunter2@a")
            .unwrap_err()
            .to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

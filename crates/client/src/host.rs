//! Addresses of servers.

use url::Url;

use crate::error::ConnectionError;

/// The address of a server, without the `/` at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host(String);

impl Host {
    /// The address in `text`, such as `http://localhost:3000`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectionError> {
        let invalid = || ConnectionError::Host {
            host: text.to_owned(),
        };
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
        Ok(Self(without_slash(text).to_owned()))
    }

    /// The address of an endpoint.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
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

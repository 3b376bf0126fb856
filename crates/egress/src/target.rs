//! Finds the host that a request is for. An ambiguous request is refused, never guessed.

use hyper::Uri;
use hyper::header::{HOST, HeaderMap};

use crate::host::{Host, HostError};
use crate::limits::HTTP_PORT;

/// The host and the port of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// Why a request has no target. The texts are the bodies of answers with status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("CONNECT needs host:port")]
    ConnectForm,
    #[error("this is a proxy: the request target must be an absolute http:// URL")]
    NotAbsolute,
    #[error("only http:// URLs are proxied; use CONNECT for anything else")]
    Scheme,
    #[error("the request target must be a path")]
    NotOrigin,
    #[error("a request has exactly one Host field")]
    HostField,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("the request target must not contain user information")]
    UserInfo,
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Target {
    /// The target of `CONNECT host:port`.
    pub(crate) fn of_connect(uri: &Uri) -> Result<Self, TargetError> {
        let (None, Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(TargetError::ConnectForm);
        };
        Self::parse(authority.as_str(), None)
    }

    /// The target of a request in absolute form.
    pub(crate) fn of_absolute(uri: &Uri) -> Result<Self, TargetError> {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(TargetError::NotAbsolute);
        };
        if scheme != "http" {
            return Err(TargetError::Scheme);
        }
        Self::parse(authority.as_str(), Some(HTTP_PORT))
    }

    /// The target of a request inside a tunnel, in origin form, from its `Host` field.
    pub(crate) fn of_origin(uri: &Uri, headers: &HeaderMap) -> Result<Self, TargetError> {
        if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
            return Err(TargetError::NotOrigin);
        }
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(TargetError::HostField);
        };
        let host = host.to_str().map_err(|_| HostError::Character)?;
        Self::parse(host, Some(HTTP_PORT))
    }

    fn parse(authority: &str, default_port: Option<u16>) -> Result<Self, TargetError> {
        if authority.contains('@') {
            return Err(TargetError::UserInfo);
        }
        let (host, port) = match authority.rfind(']') {
            Some(end) if authority.starts_with('[') => authority.split_at(end + 1),
            _ => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match (port.strip_prefix(':'), default_port) {
            (Some(digits), _) => number(digits).ok_or(TargetError::Port)?,
            (None, Some(default)) if port.is_empty() => default,
            (None, None) if port.is_empty() => return Err(TargetError::ConnectForm),
            (None, _) => return Err(HostError::Malformed.into()),
        };
        Ok(Self {
            host: Host::parse(host)?,
            port,
        })
    }
}

/// Parses a port of digits only. `str::parse` would also accept a sign.
fn number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&port| plain && port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(target: Result<Target, TargetError>) -> Result<String, TargetError> {
        target.map(|target| format!("{} {}", target.host, target.port))
    }

    #[test]
    fn absolute() {
        for (uri, expected) in [
            ("http://A.test/x", Ok("a.test 80")),
            ("HTTP://a.test:8080", Ok("a.test 8080")),
            ("http://[::1]:81/", Ok("::1 81")),
            ("http://[::1]/", Ok("::1 80")),
            ("http://0x7f.1/", Ok("127.0.0.1 80")),
            ("https://a.test/", Err(TargetError::Scheme)),
            ("ftp://a.test/", Err(TargetError::Scheme)),
            ("/path", Err(TargetError::NotAbsolute)),
            ("*", Err(TargetError::NotAbsolute)),
            ("a.test:80", Err(TargetError::NotAbsolute)),
            ("http://user@a.test/", Err(TargetError::UserInfo)),
            ("http://a.test:b@c.test/", Err(TargetError::UserInfo)),
            ("http://a.test:99999/", Err(TargetError::Port)),
            ("http://a.test:0/", Err(TargetError::Port)),
            ("http://a.test:/", Err(TargetError::Port)),
        ] {
            let Ok(uri) = uri.parse::<Uri>() else {
                continue;
            };
            assert_eq!(
                text(Target::of_absolute(&uri)),
                expected.map(str::to_owned),
                "{uri}"
            );
        }
    }

    #[test]
    fn authorities() {
        for (authority, expected) in [
            ("a.test:443", Ok("a.test 443")),
            ("[::ffff:127.0.0.1]:443", Ok("127.0.0.1 443")),
            ("a.test", Err(TargetError::ConnectForm)),
            ("a.test:+443", Err(TargetError::Port)),
            ("a.test:443:443", Err(TargetError::Port)),
            ("::1:443", Err(TargetError::Port)),
            ("[::1]443", Err(TargetError::Host(HostError::Malformed))),
            ("[::1]x]:443", Err(TargetError::Host(HostError::Malformed))),
            ("a@b.test:443", Err(TargetError::UserInfo)),
            (":443", Err(TargetError::Host(HostError::Empty))),
        ] {
            assert_eq!(
                text(Target::parse(authority, None)),
                expected.map(str::to_owned),
                "{authority}"
            );
        }
    }

    #[test]
    fn origin_needs_one_host() {
        let uri: Uri = "/x".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(
            Target::of_origin(&uri, &headers),
            Err(TargetError::HostField)
        );
        headers.append(HOST, "a.test".parse().unwrap());
        assert_eq!(
            text(Target::of_origin(&uri, &headers)),
            Ok("a.test 80".into())
        );
        headers.append(HOST, "a.test".parse().unwrap());
        assert_eq!(
            Target::of_origin(&uri, &headers),
            Err(TargetError::HostField)
        );
    }
}

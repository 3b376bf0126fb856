//! Where a daemon is, decided.

use std::fmt;

use url::Url;

use super::{AddressError, Certificates, SshTarget};

/// Ports of a daemon without and with TLS.
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// Where a daemon is, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Path of a Unix socket.
    Unix(String),
    /// A host, over plain TCP.
    Plain(Authority),
    /// A host, over TLS.
    Tls(Authority, Certificates),
    /// A machine, through `ssh`.
    Ssh(SshTarget),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// IPv6 addresses are in brackets.
    host: String,
    port: u16,
}

/// An address as it was written, before it is known whether the connection is TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A Unix socket.
    Unix(String),
    /// A host.
    Tcp {
        scheme: Scheme,
        host: String,
        port: Option<u16>,
    },
    /// A machine, through `ssh`.
    Ssh(SshTarget),
}

/// What carries HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Plain, or TLS if there are certificates.
    Tcp,
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// Whether the connection is TLS. `None`: the certificates decide.
    pub(super) fn is_tls(self) -> Option<bool> {
        match self {
            Self::Tcp => None,
            Self::Http => Some(false),
            Self::Https => Some(true),
        }
    }
}

impl Written {
    /// Reads an address of the option or variable `setting`.
    pub(super) fn parse(setting: &str, text: &str) -> Result<Self, AddressError> {
        let refused = |reason| AddressError::Url {
            setting: setting.to_owned(),
            text: without_password(text),
            reason,
        };
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.to_owned()))
            } else {
                Err(refused("the path of a socket begins with /"))
            };
        }
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else if is_host_and_port(text) {
            format!("tcp://{text}")
        } else {
            return Err(refused("it has no scheme"));
        };
        let url = Url::parse(&with_scheme).map_err(|_| refused("it is not a URL"))?;
        let scheme = match url.scheme() {
            "tcp" => Scheme::Tcp,
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "ssh" => return SshTarget::new(&url).map(Self::Ssh).map_err(refused),
            _ => return Err(refused("its scheme is not supported")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("a path, a query or a fragment is not supported"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("a user name is for ssh only"));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        // The parser drops a port that it knows as the default of the scheme.
        let port = match scheme {
            Scheme::Tcp => url.port(),
            Scheme::Http | Scheme::Https => written_port(&with_scheme),
        };
        Ok(Self::Tcp {
            scheme,
            host: host.ok_or_else(|| refused("it has no host"))?.to_owned(),
            port,
        })
    }
}

impl Authority {
    pub(super) fn plain(host: String, port: Option<u16>) -> Self {
        let port = port.unwrap_or(PLAIN_PORT);
        Self { host, port }
    }

    pub(super) fn tls(host: String, port: Option<u16>) -> Self {
        let port = port.unwrap_or(TLS_PORT);
        Self { host, port }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Plain(authority) => write!(f, "tcp://{authority}"),
            Self::Tls(authority, _) => write!(f, "https://{authority}"),
            Self::Ssh(target) => target.fmt(f),
        }
    }
}

/// `build:2375`, which Docker's client understands without a scheme.
fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.contains('/') && port.parse::<u16>().is_ok())
}

/// The port after the host of a URL that has neither user nor path.
fn written_port(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.trim_end_matches('/');
    authority.rsplit_once(':')?.1.parse().ok()
}

/// The text, without what is before an `@`.
fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://***@{rest}"),
        (None, Some((_, rest))) => format!("***@{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Written, AddressError> {
        Written::parse("DOCKER_HOST", text)
    }

    #[test]
    fn addresses_that_docker_understands_are_understood() {
        let tcp = |scheme, host: &str, port| Written::Tcp {
            scheme,
            host: host.to_owned(),
            port,
        };
        for (text, written) in [
            (
                "unix:///run/d.sock",
                Written::Unix("/run/d.sock".to_owned()),
            ),
            ("tcp://build:1", tcp(Scheme::Tcp, "build", Some(1))),
            ("tcp://build", tcp(Scheme::Tcp, "build", None)),
            ("build:2375", tcp(Scheme::Tcp, "build", Some(2375))),
            ("tcp://[::1]:1/", tcp(Scheme::Tcp, "[::1]", Some(1))),
            ("http://build:80", tcp(Scheme::Http, "build", Some(80))),
            ("http://[::1]", tcp(Scheme::Http, "[::1]", None)),
            ("https://build:443/", tcp(Scheme::Https, "build", Some(443))),
            ("https://build", tcp(Scheme::Https, "build", None)),
        ] {
            assert_eq!(parse(text), Ok(written), "{text}");
        }
        assert!(matches!(parse("ssh://me@build"), Ok(Written::Ssh(_))));
    }

    #[test]
    fn other_texts_are_refused_by_name_and_without_a_password() {
        for text in [
            "",
            "build",
            "/run/d.sock",
            "unix://",
            "unix://run/d.sock",
            "ftp://build",
            "fd://",
            "npipe:////./pipe/docker_engine",
            "tcp://",
            "tcp://build:99999",
            "tcp://build/v1",
            "http://me@build",
            "http://me:secret@build",
            "ssh://me:secret@build",
            "socks5://me:secret@build",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("Invalid DOCKER_HOST: \""), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

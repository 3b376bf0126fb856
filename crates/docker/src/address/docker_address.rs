//! The address of a daemon as a caller writes it.

use serde::Deserialize;

use super::{
    AddressError, Certificates, Endpoint, SshTarget,
    discover::{Surroundings, discover},
    endpoint::{Authority, Scheme, Written},
};

/// How to reach a Docker daemon. Without `socket_path` and `host` the daemon is found as the `docker`
/// command finds it.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerAddress {
    /// Path of a Unix socket. It wins over `host`.
    pub socket_path: Option<String>,
    /// Host name, or a whole address such as `tcp://host:2375`.
    pub host: Option<String>,
    /// Port at `host`. Default: 2375, 2376 with TLS, and for ssh the port that `ssh` is configured with.
    pub port: Option<u16>,
    /// `http`, `https` or `ssh`. Default: the scheme of `host`, else `https` with certificates, else `http`.
    pub protocol: Option<String>,
    /// User at `host`, for ssh.
    pub username: Option<String>,
    /// CA certificate, PEM.
    pub ca: Option<String>,
    /// Client certificate, PEM.
    pub cert: Option<String>,
    /// Client key, PEM.
    pub key: Option<String>,
}

/// Without the certificates: a text may be a key.
impl std::fmt::Debug for DockerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerAddress")
            .field("socket_path", &self.socket_path)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("protocol", &self.protocol)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl DockerAddress {
    /// Refuses what cannot be understood. Looks at this value alone, not at the environment.
    pub fn check(&self) -> Result<(), AddressError> {
        match self.protocol.as_deref() {
            None | Some("http" | "https" | "ssh") => {}
            Some(protocol) => {
                return Err(AddressError::Protocol {
                    protocol: protocol.to_owned(),
                });
            }
        }
        if self.socket_path.is_some() {
            return self.written().map(drop);
        }
        if self.host.is_none() {
            let given = [
                ("port", self.port.is_some()),
                ("protocol", self.protocol.is_some()),
                ("username", self.username.is_some()),
                ("ca", self.ca.is_some()),
                ("cert", self.cert.is_some()),
                ("key", self.key.is_some()),
            ];
            let field = given
                .into_iter()
                .find_map(|(field, is)| is.then_some(field));
            return field.map_or(Ok(()), |field| Err(AddressError::NoHost { field }));
        }
        let certificates = self.certificates()?;
        match self.written()? {
            Written::Unix(_) => self.refuse_certificates("unix"),
            Written::Ssh(_) => self.refuse_certificates("ssh"),
            Written::Tcp { .. } if self.username.is_some() => Err(AddressError::UnusedField {
                field: "username",
                scheme: "http and https".to_owned(),
            }),
            Written::Tcp {
                scheme: Scheme::Http,
                ..
            } if certificates.is_some() => self.refuse_certificates("http"),
            Written::Tcp { .. } => Ok(()),
        }
    }

    /// The endpoint that this address means.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, AddressError> {
        self.check()?;
        if self.socket_path.is_none() && self.host.is_none() {
            return discover(&Surroundings::of_this_process());
        }
        let (scheme, host, port) = match self.written()? {
            Written::Unix(path) => return Ok(Endpoint::Unix(path)),
            Written::Ssh(target) => return Ok(Endpoint::Ssh(target)),
            Written::Tcp { scheme, host, port } => (scheme, host, port),
        };
        let certificates = self.certificates()?;
        if !scheme.is_tls().unwrap_or(certificates.is_some()) {
            return Ok(Endpoint::Plain(Authority::plain(host, port)));
        }
        let certificates =
            certificates.map_or_else(|| Surroundings::of_this_process().certificates(), Ok)?;
        Ok(Endpoint::Tls(Authority::tls(host, port), certificates))
    }

    /// The fields as one address.
    fn written(&self) -> Result<Written, AddressError> {
        if let Some(path) = &self.socket_path {
            let path = path.strip_prefix("unix://").unwrap_or(path);
            return Ok(Written::Unix(path.to_owned()));
        }
        let host = self.host.as_deref().unwrap_or_default();
        if !host.contains("://") {
            let scheme = self.protocol.as_deref().unwrap_or("tcp");
            let host = match host.parse::<std::net::Ipv6Addr>() {
                Ok(address) => format!("[{address}]"),
                Err(_) => host.to_owned(),
            };
            return Ok(self.complete(Written::parse(
                "docker.host",
                &format!("{scheme}://{host}"),
            )?));
        }
        Ok(self.complete(Written::parse("docker.host", host)?))
    }

    /// `written` with the fields that stand beside the host.
    fn complete(&self, written: Written) -> Written {
        match written {
            Written::Unix(path) => Written::Unix(path),
            Written::Tcp { scheme, host, port } => Written::Tcp {
                scheme: match (scheme, self.protocol.as_deref()) {
                    (Scheme::Tcp, Some("http")) => Scheme::Http,
                    (Scheme::Tcp, Some("https")) => Scheme::Https,
                    _ => scheme,
                },
                host,
                port: self.port.or(port),
            },
            Written::Ssh(target) => {
                let mut target = SshTarget {
                    port: self.port.or(target.port),
                    ..target
                };
                if let Some(user) = &self.username {
                    target.user = Some(user.clone());
                }
                Written::Ssh(target)
            }
        }
    }

    fn certificates(&self) -> Result<Option<Certificates>, AddressError> {
        let missing = match (&self.ca, &self.cert, &self.key) {
            (Some(ca), Some(cert), Some(key)) => {
                return Ok(Some(Certificates::Texts {
                    ca: ca.clone(),
                    cert: cert.clone(),
                    key: key.clone(),
                }));
            }
            (None, None, None) => return Ok(None),
            (None, ..) => "ca",
            (_, None, _) => "cert",
            (.., None) => "key",
        };
        Err(AddressError::Certificate { missing })
    }

    fn refuse_certificates(&self, scheme: &str) -> Result<(), AddressError> {
        if self.ca.is_none() && self.cert.is_none() && self.key.is_none() {
            return Ok(());
        }
        Err(AddressError::UnusedCertificates {
            scheme: scheme.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(fields: serde_json::Value) -> DockerAddress {
        serde_json::from_value(fields).unwrap()
    }

    fn endpoint(fields: serde_json::Value) -> Result<String, String> {
        match address(fields).endpoint() {
            Ok(endpoint) => Ok(endpoint.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_the_caller_says_wins() {
        let tls = serde_json::json!({ "host": "h", "ca": "a", "cert": "c", "key": "k" });
        for (fields, url) in [
            (serde_json::json!({ "socketPath": "/s" }), "unix:///s"),
            (
                serde_json::json!({ "socketPath": "unix:///s", "host": "h" }),
                "unix:///s",
            ),
            (serde_json::json!({ "host": "h" }), "tcp://h:2375"),
            (
                serde_json::json!({ "host": "h", "protocol": "http" }),
                "tcp://h:2375",
            ),
            (
                serde_json::json!({ "host": "::1", "port": 7 }),
                "tcp://[::1]:7",
            ),
            (
                serde_json::json!({ "host": "http://h", "port": 7 }),
                "tcp://h:7",
            ),
            (serde_json::json!({ "host": "tcp://h:5" }), "tcp://h:5"),
            (serde_json::json!({ "host": "unix:///s" }), "unix:///s"),
            (tls, "https://h:2376"),
            (
                serde_json::json!({ "host": "h", "protocol": "ssh" }),
                "ssh://h",
            ),
            (
                serde_json::json!({ "host": "h", "protocol": "ssh", "port": 7, "username": "u" }),
                "ssh://u@h:7",
            ),
            (
                serde_json::json!({ "host": "ssh://u@h/run/d.sock" }),
                "ssh://u@h/run/d.sock",
            ),
        ] {
            assert_eq!(endpoint(fields.clone()).as_deref(), Ok(url), "{fields}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (fields, named) in [
            (
                serde_json::json!({ "protocol": "ftp" }),
                "docker.protocol: \"ftp\"",
            ),
            (
                serde_json::json!({ "protocol": "ssh" }),
                "docker.protocol is given without",
            ),
            (
                serde_json::json!({ "socketPath": "/s", "protocol": "ftp" }),
                "\"ftp\"",
            ),
            (
                serde_json::json!({ "host": "h", "protocol": "ftp" }),
                "\"ftp\"",
            ),
            (serde_json::json!({ "port": 1 }), "docker.port"),
            (serde_json::json!({ "key": "k" }), "docker.key"),
            (
                serde_json::json!({ "host": "ftp://h" }),
                "docker.host: \"ftp://h\"",
            ),
            (serde_json::json!({ "host": "a b" }), "docker.host"),
            (serde_json::json!({ "host": "h/path" }), "docker.host"),
            (
                serde_json::json!({ "host": "h", "ca": "a" }),
                "docker.cert is missing",
            ),
            (
                serde_json::json!({ "host": "h", "cert": "c", "key": "k" }),
                "docker.ca is missing",
            ),
            (
                serde_json::json!({ "host": "http://h", "ca": "a", "cert": "c", "key": "k" }),
                "not for http",
            ),
            (
                serde_json::json!({ "host": "ssh://h", "ca": "a", "cert": "c", "key": "k" }),
                "not for ssh",
            ),
            (
                serde_json::json!({ "host": "h", "username": "u" }),
                "docker.username",
            ),
        ] {
            let error = endpoint(fields.clone()).unwrap_err();
            assert!(error.contains(named), "{fields}: {error}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let address = address(serde_json::json!({ "host": "h", "key": "private" }));
        assert!(!format!("{address:?}").contains("private"));
    }
}

//! Flags and environment of `serve`.

use std::path::{Path, PathBuf};

use isol8_api::config::Config;
use isol8_server::key_database;

use crate::{args::ServeArgs, failure::Failure};

/// Port where neither flag nor environment names one.
const DEFAULT_PORT: u16 = 3000;

/// What `serve` was asked to do. `Debug` does not exist: it has the key.
pub(crate) struct ServeSettings {
    /// What clients must show.
    pub(crate) key: String,
    pub(crate) address: Address,
    pub(crate) keep_images: bool,
    /// The database of tenants' keys; none when there is none. It may have a password.
    pub(crate) auth_db: Option<String>,
}

/// Where to listen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Port {
        /// All interfaces when it is `None`.
        hostname: Option<String>,
        port: u16,
        /// Files of certificate and key; none where connections are not encrypted.
        tls: Option<(PathBuf, PathBuf)>,
    },
    Socket(PathBuf),
}

impl ServeSettings {
    /// Resolves flags over the environment, which `variable` reads, and over the configuration.
    pub(crate) fn resolve(
        args: ServeArgs,
        config: &Config,
        home: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let key = args.key.clone().or_else(|| variable("ISOL8_API_KEY"));
        let key = key.filter(|key| !key.trim().is_empty()).ok_or_else(|| {
            let text = "API key required. Use --key or ISOL8_API_KEY env var.";
            Failure::Usage(text.to_owned())
        })?;
        let auth_db = key_database(args.auth_db.clone(), &config.auth, home).map_err(|error| {
            let text = format!("{error}. Give --auth-db a path or a URL.");
            Failure::Usage(text)
        })?;
        Ok(Self {
            auth_db,
            key,
            keep_images: args.keep_images,
            address: Address::resolve(args, config, variable)?,
        })
    }
}

impl Address {
    /// A flag for a port goes over a socket of the environment and of the configuration.
    fn resolve(
        args: ServeArgs,
        config: &Config,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let file = |flag: Option<PathBuf>, name, configured: &Option<String>| {
            flag.or_else(|| {
                variable(name)
                    .or_else(|| configured.clone())
                    .map(PathBuf::from)
            })
        };
        let is_port = args.port.is_some()
            || args.hostname.is_some()
            || args.tls_cert.is_some()
            || args.tls_key.is_some();
        let server = &config.server;
        let socket = file(args.socket, "ISOL8_SOCKET", &server.socket);
        if let Some(socket) = socket.filter(|_| !is_port) {
            return Ok(Self::Socket(socket));
        }
        let certificate = file(args.tls_cert, "ISOL8_TLS_CERT", &server.tls_cert);
        let key = file(args.tls_key, "ISOL8_TLS_KEY", &server.tls_key);
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (certificate, _) => {
                let (given, missing) = match certificate {
                    Some(_) => (
                        "certificate",
                        "key: give --tls-key, ISOL8_TLS_KEY or server.tlsKey",
                    ),
                    None => (
                        "key",
                        "certificate: give --tls-cert, ISOL8_TLS_CERT or server.tlsCert",
                    ),
                };
                let text = format!("There is a TLS {given} without its {missing} as well.");
                return Err(Failure::Usage(text));
            }
        };
        let port = [
            ("--port", args.port),
            ("ISOL8_PORT", variable("ISOL8_PORT")),
            ("PORT", variable("PORT")),
        ]
        .into_iter()
        .find_map(|(source, text)| Some((source, text?)))
        .map_or(Ok(DEFAULT_PORT), |(source, text)| {
            parse_port(&text).ok_or_else(|| {
                let text = format!("Invalid port from {source}: {text}. Expected 1-65535.");
                Failure::Usage(text)
            })
        })?;
        Ok(Self::Port {
            hostname: args.hostname,
            port,
            tls,
        })
    }
}

/// A port as users write it.
pub(crate) fn parse_port(text: &str) -> Option<u16> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::BackendArgs;

    fn resolve(
        key: Option<&str>,
        port: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Result<(String, u16), String> {
        let args = ServeArgs {
            port: port.map(str::to_owned),
            key: key.map(str::to_owned),
            ..no_args()
        };
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = ServeSettings::resolve(args, &Config::default(), None, variable);
        let settings = settings.map_err(|failure| failure.to_string())?;
        match settings.address {
            Address::Port { port, .. } => Ok((settings.key, port)),
            Address::Socket(path) => panic!("{}", path.display()),
        }
    }

    fn no_args() -> ServeArgs {
        ServeArgs {
            port: None,
            key: None,
            hostname: None,
            tls_cert: None,
            tls_key: None,
            socket: None,
            backend: BackendArgs::default(),
            keep_images: false,
            auth_db: None,
            update: false,
        }
    }

    #[test]
    fn where_to_listen_comes_from_flags_then_environment_then_configuration() {
        let mut config = Config::default();
        config.server.tls_cert = Some("c".to_owned());
        config.server.tls_key = Some("k".to_owned());
        let resolve = |args: ServeArgs, config: &Config, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Address::resolve(args, config, variable).map_err(|failure| failure.to_string())
        };
        let port = |certificate: &str, key: &str| {
            Ok(Address::Port {
                hostname: None,
                port: DEFAULT_PORT,
                tls: Some((certificate.into(), key.into())),
            })
        };
        assert_eq!(resolve(no_args(), &config, &[]), port("c", "k"));
        let own = [("ISOL8_TLS_CERT", "e"), ("ISOL8_SOCKET", "s")];
        assert_eq!(resolve(no_args(), &config, &own[..1]), port("e", "k"));
        assert_eq!(
            resolve(no_args(), &config, &own),
            Ok(Address::Socket("s".into()))
        );
        let flag = || ServeArgs {
            tls_cert: Some("f".into()),
            ..no_args()
        };
        assert_eq!(resolve(flag(), &config, &own), port("f", "k"));
        config.server.tls_key = None;
        let missing = "There is a TLS certificate without its key: give --tls-key, ISOL8_TLS_KEY or server.tlsKey as well.";
        assert_eq!(resolve(flag(), &config, &[]), Err(missing.to_owned()));
    }

    #[test]
    fn flags_go_over_the_environment() {
        let environment = [("ISOL8_API_KEY", "e"), ("ISOL8_PORT", "2"), ("PORT", "3")];
        assert_eq!(
            resolve(Some("f"), Some("1"), &environment),
            Ok(("f".into(), 1))
        );
        assert_eq!(resolve(None, None, &environment), Ok(("e".into(), 2)));
        assert_eq!(
            resolve(Some("f"), None, &environment[2..]),
            Ok(("f".into(), 3))
        );
        assert_eq!(resolve(Some("f"), None, &[]), Ok(("f".into(), 3000)));
        let blank = [("ISOL8_PORT", ""), ("PORT", "7")];
        assert_eq!(resolve(Some("f"), None, &blank), Ok(("f".into(), 7)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let missing = "API key required. Use --key or ISOL8_API_KEY env var.";
        assert_eq!(resolve(None, None, &[]), Err(missing.into()));
        assert_eq!(resolve(Some(" "), None, &[]), Err(missing.into()));
        for port in ["0", "65536", "x", "-1", "+1", "1.5", ""] {
            let error = format!("Invalid port from --port: {port}. Expected 1-65535.");
            assert_eq!(resolve(Some("k"), Some(port), &[]), Err(error));
        }
        for source in ["ISOL8_PORT", "PORT"] {
            let error = format!("Invalid port from {source}: x. Expected 1-65535.");
            assert_eq!(resolve(Some("k"), None, &[(source, "x")]), Err(error));
        }
    }
}

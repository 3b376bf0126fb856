//! Flags and environment of `serve`.

use std::path::Path;

use isol8_api::config::AuthConfig;
use isol8_server::key_database;

use crate::{args::ServeArgs, failure::Failure};

/// Port where neither flag nor environment names one.
const DEFAULT_PORT: u16 = 3000;

/// What `serve` was asked to do. `Debug` does not exist: it has the key.
pub(crate) struct ServeSettings {
    /// What clients must show.
    pub(crate) key: String,
    pub(crate) port: u16,
    /// Where to listen; all interfaces when it is `None`.
    pub(crate) hostname: Option<String>,
    pub(crate) keep_images: bool,
    /// The database of tenants' keys; none when there is none. It may have a password.
    pub(crate) auth_db: Option<String>,
}

impl ServeSettings {
    /// Resolves flags over the environment, which `variable` reads, and over the configuration.
    pub(crate) fn resolve(
        args: ServeArgs,
        auth: &AuthConfig,
        home: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let key = args.key.or_else(|| variable("ISOL8_API_KEY"));
        let key = key.filter(|key| !key.trim().is_empty()).ok_or_else(|| {
            let text = "API key required. Use --key or ISOL8_API_KEY env var.";
            Failure::Usage(text.to_owned())
        })?;
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
        let auth_db = key_database(args.auth_db, auth, home).map_err(|error| {
            let text = format!("{error}. Give --auth-db a path or a URL.");
            Failure::Usage(text)
        })?;
        Ok(Self {
            auth_db,
            key,
            port,
            hostname: args.hostname,
            keep_images: args.keep_images,
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
            hostname: None,
            backend: BackendArgs::default(),
            keep_images: false,
            auth_db: None,
            update: false,
        };
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        ServeSettings::resolve(args, &AuthConfig::default(), None, variable)
            .map(|settings| (settings.key, settings.port))
            .map_err(|failure| failure.to_string())
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

//! Which database has the keys of tenants.

use std::path::Path;

use isol8_api::config::AuthConfig;

/// The database in a home directory.
const IN_HOME: &str = ".isol8/auth.db";

/// There is no home directory for the database in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("There is no home directory for ~/{IN_HOME}")]
pub struct NoHome;

/// The address of the key database that was asked for: by the caller, where an empty text is the one in the directory `home`,
/// else by the configuration. `None` when none was.
pub fn key_database(
    named: Option<String>,
    auth: &AuthConfig,
    home: Option<&Path>,
) -> Result<Option<String>, NoHome> {
    let named = match named {
        Some(named) => Some(named),
        None if auth.enabled => auth.connection_string.clone(),
        None => return Ok(None),
    };
    if let Some(named) = named.filter(|named| !named.trim().is_empty()) {
        return Ok(Some(named));
    }
    let in_home = home.ok_or(NoHome)?.join(IN_HOME);
    Ok(Some(in_home.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_that_of_the_caller_or_of_the_configuration() {
        let off = AuthConfig {
            connection_string: Some("c.db".to_owned()),
            ..AuthConfig::default()
        };
        let on = AuthConfig {
            enabled: true,
            ..off.clone()
        };
        let bare = AuthConfig {
            connection_string: None,
            ..on.clone()
        };
        let resolve = |named: Option<&str>, auth| {
            key_database(named.map(str::to_owned), auth, Some(Path::new("/home/u"))).unwrap()
        };
        let default = Some("/home/u/.isol8/auth.db".to_owned());
        assert_eq!(resolve(None, &off), None);
        assert_eq!(resolve(None, &on).as_deref(), Some("c.db"));
        assert_eq!(resolve(None, &bare), default);
        assert_eq!(resolve(Some("f.db"), &on).as_deref(), Some("f.db"));
        assert_eq!(resolve(Some(""), &on), default);
        assert_eq!(key_database(Some(String::new()), &on, None), Err(NoHome));
    }
}
